"""aiomqtt against the gatekeeper, over TCP or in a WebSocket.

The library shows neither the reason codes of acknowledgements nor whether a session was present; there the script looks at
what comes of it.
"""

import asyncio
import json
import os
import socket

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.subscribeoptions import SubscribeOptions

from asyncio_story import play, within
from paho_story import properties
from story import MAXIMUM_PACKET, REFUSED, SUBSCRIPTIONS, address, name, same

V311, V5 = aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5
URL = address()


class Client(aiomqtt.Client):
    """A client that knows its own name and version."""

    def __init__(self, client_id, version, keep=False, will=None, **about):
        self.id, self.version = client_id, version
        if version == V5:
            if keep:
                about["SessionExpiryInterval"] = 60
            start = {"clean_start": not keep, "properties": properties(PacketTypes.CONNECT, **about)}
        else:
            start = {"clean_session": not keep}
        if URL.scheme == "ws":
            start |= {"transport": "websockets", "websocket_path": URL.path}
        super().__init__(
            URL.hostname, URL.port, identifier=client_id, protocol=version, will=will, max_inflight_messages=20, **start
        )
        self.pending_calls_threshold = 1000

    async def listen(self, topic, qos=0, identifier=None):
        """Subscribes and gives the reason code."""
        if self.version == V5:
            about = properties(PacketTypes.SUBSCRIBE, **({"SubscriptionIdentifier": identifier} if identifier else {}))
            coming = self.subscribe(topic, options=SubscribeOptions(qos=qos), properties=about)
        else:
            coming = self.subscribe(topic, qos)
        [reason] = await within(coming, f"SUBACK of {topic}")
        return getattr(reason, "value", reason)

    async def say(self, topic, payload=None, qos=1, retain=False, **about):
        """Publishes and waits until that is acknowledged."""
        about = properties(PacketTypes.PUBLISH, **about) if about else None
        sent = self.publish(topic, payload, qos, retain, properties=about)
        await within(sent, f"{self.id}: the acknowledgement of a publication to {topic}")

    async def message(self, what):
        """The next message."""
        return await within(anext(self.messages), f"{self.id}: {what}")

    async def expect(self, topic, payload, qos=None, retain=None):
        """The next message, which has to be this one."""
        message = await self.message(f"{payload[:20]} on {topic}")
        same((message.topic.value, message.payload.decode()), (topic, payload), "message")
        assert qos is None or message.qos == qos, f"{topic} came with QoS {message.qos}"
        assert retain is None or bool(message.retain) == retain, f"{topic} came with retain {message.retain}"
        return message

    async def until(self, topic, payload):
        """All payloads that come before this one, with their QoS."""
        payloads = []
        while True:
            message = await self.message(f"{payload} on {topic}")
            if (message.topic.value, message.payload.decode()) == (topic, payload):
                return payloads
            payloads.append((message.qos, message.payload.decode()))

    async def lost(self):
        """Waits until the connection has ended, and gives the reason code."""
        try:
            message = await self.message("the end of the connection")
        except aiomqtt.MqttError as error:
            return getattr(getattr(error.__cause__, "rc", None), "value", None)
        raise AssertionError(f"{message.topic} came instead of the end of the connection")

    async def cut(self):
        """Ends the connection without a DISCONNECT, for which the library has no call."""
        with socket.socket(fileno=os.dup(self._client.socket().fileno())) as same_connection:
            same_connection.shutdown(socket.SHUT_RDWR)
        await self.lost()


async def qualities_of_service(version):
    topic = name(qualities_of_service, version)
    async with Client(f"sender-{topic}", version) as sender:
        for granted in (0, 1, 2):
            async with Client(f"receiver-{topic}-{granted}", version) as receiver:
                same(await receiver.listen(topic, granted), granted, "granted QoS")
                for qos in (0, 1, 2):
                    await sender.say(topic, f"{qos}", qos)
                    await receiver.expect(topic, f"{qos}", min(qos, granted), retain=False)


async def retained_messages(version):
    topic = name(retained_messages, version)
    async with Client(f"sender-{topic}", version) as sender, Client(f"late-{topic}", version) as late:
        await sender.listen(topic, 1)
        await sender.say(topic, "kept", retain=True)
        await sender.expect(topic, "kept", 1, retain=False)
        await late.listen(topic, 1)
        await late.expect(topic, "kept", 1, retain=True)
        await sender.say(topic, b"", retain=True)
        async with Client(f"later-{topic}", version) as later:
            await later.listen(topic, 1)
            await sender.say(topic, "live")
            await later.expect(topic, "live", retain=False)


async def will_of_a_client_that_is_cut_off(version):
    topic = name(will_of_a_client_that_is_cut_off, version)
    async with Client(f"watcher-{topic}", version) as watcher:
        await watcher.listen(topic, 1)
        async with Client(f"polite-{topic}", version, will=aiomqtt.Will(topic, "never", 1)):
            pass
        async with Client(f"dying-{topic}", version, will=aiomqtt.Will(topic, "gone", 1)) as dying:
            await dying.cut()
        await watcher.expect(topic, "gone", 1)


async def session_that_is_resumed(version):
    topic = name(session_that_is_resumed, version)
    async with Client(f"sender-{topic}", version) as sender:
        async with Client(f"sleeper-{topic}", version, keep=True) as sleeper:
            await sleeper.listen(topic, 2)
            await sleeper.cut()
        waiting = [(qos, f"{number}") for number in range(20) for qos in (1, 2)]
        for qos, payload in waiting:
            await sender.say(topic, payload, qos)
        async with Client(sleeper.id, version, keep=True) as sleeper:
            await sender.say(topic, "end", 2)
            came = await sleeper.until(topic, "end")
            for qos in (1, 2):
                one, other = ([payload for level, payload in all if level == qos] for all in (came, waiting))
                same(one, other, f"what waited with QoS {qos}")
        # A session that is thrown away is not subscribed any more.
        async with Client(sleeper.id, version) as fresh:
            await sender.say(topic, "unheard")
            await fresh.listen(f"{topic}/other", 1)
            await fresh.say(f"{topic}/other", "heard")
            await fresh.expect(f"{topic}/other", "heard")


async def properties_unchanged(version):
    topic = name(properties_unchanged, version)
    said = {
        "PayloadFormatIndicator": 1, "ContentType": "text/plain", "ResponseTopic": "answers/grüße",
        "CorrelationData": bytes(range(256)), "UserProperty": [("b", "1"), ("a", "2"), ("b", "3"), ("", "")],
    }
    async with Client(topic, version) as client:
        await client.listen(topic, 1)
        await client.say(topic, "x", MessageExpiryInterval=100, **said)
        came = (await client.expect(topic, "x")).properties
        same({key: getattr(came, key) for key in said}, said, "properties")
        assert 90 <= came.MessageExpiryInterval <= 100, came.MessageExpiryInterval


async def subscription_identifiers(version):
    topic = name(subscription_identifiers, version)
    async with Client(topic, version) as client:
        await client.listen(f"{topic}/#", 1, identifier=7)
        await client.listen(f"{topic}/+", 0, identifier=268435455)
        await client.say(f"{topic}/a", "x")
        came = await client.expect(f"{topic}/a", "x")
        same(sorted(came.properties.SubscriptionIdentifier), [7, 268435455], "subscription identifiers")


async def shared_subscription(version):
    topic = name(shared_subscription, version)
    one, other = (Client(f"{member}-{topic}", version) for member in ("one", "two"))
    async with Client(f"sender-{topic}", version) as sender, one, other:
        for member in (one, other):
            await member.listen(f"$share/group/{topic}", 1)
            await member.listen(f"{topic}/end", 1)
        payloads = [f"{number}" for number in range(40)]
        await asyncio.gather(*(sender.say(topic, payload) for payload in payloads))
        await sender.say(f"{topic}/end", "end")
        shares = [[payload for _, payload in await member.until(f"{topic}/end", "end")] for member in (one, other)]
        same(sorted(shares[0] + shares[1], key=int), payloads, "what the group got")
        assert all(shares), f"the shares are {shares}"


async def topic_aliases(version):
    topic = name(topic_aliases, version)
    async with Client(topic, version) as client:
        await client.listen(topic, 1)
        await client.say(topic, "1", TopicAlias=2)
        await client.say("", "2", TopicAlias=2)
        for payload in ("1", "2"):
            await client.expect(topic, payload)


async def receive_maximum(version):
    topic = name(receive_maximum, version)
    async with Client(topic, version, ReceiveMaximum=1) as client:
        await client.listen(topic, 2)
        payloads = [f"{number}" for number in range(50)]
        await asyncio.gather(*(client.say(topic, payload, 2) for payload in payloads))
        for payload in payloads:
            await client.expect(topic, payload, 2)


async def request_and_response(version):
    async with Client(name(request_and_response, version), version) as client:
        answers = f"pi/rpc/responses/{client.id}"
        await client.listen(answers, 1)
        about = {"CorrelationData": b"\x00request\xff"} if version == V5 else {}
        for device, status, code in (("lamp", "success", None), ("fan", "error", "UNKNOWN_DEVICE")):
            await client.say("pi/rpc/commands", json.dumps({"device": device, "method": "set", "args": [0.25]}), **about)
            message = await client.message(f"the response about {device}")
            answer = json.loads(message.payload)
            same((message.topic.value, answer["status"], answer["code"]), (answers, status, code), "response")
            if version == V5:
                same(message.properties.CorrelationData, about["CorrelationData"], "correlation data")


async def device_and_its_state(version):
    state = "pi/devices/led/state"
    async with Client(name(device_and_its_state, version), version) as client:
        await client.listen(state, 1)
        assert (await client.message("the state of the led")).retain
        for payload, value in (("ON", 1), ("OFF", 0), ("TOGGLE", 1)):
            await client.say("pi/devices/led/set", payload, 2)
            came = await client.message(f"the state after {payload}")
            same(json.loads(came.payload)["value"], value, payload)
        async with Client(f"late-{client.id}", version) as late:
            await late.listen(state)
            kept = await late.message("the retained state")
            same((bool(kept.retain), json.loads(kept.payload)["value"]), (True, 1), "retained state")
        await client.say("pi/devices/led/set", "OFF")


async def refusals(version):
    async with Client(name(refusals, version), version) as client:
        await client.listen("pi/devices/led/state", 1)
        before = await client.message("the state of the led")
        for topic, payload, retain, _ in REFUSED:
            for qos in (1, 2):
                await client.say(topic, payload, qos, retain)
        await client.listen("pi/status")
        await client.expect("pi/status", "online", retain=True)
        await client.listen("pi/devices/led/state", 1)
        same((await client.message("the state of the led")).payload, before.payload, "state after refused commands")
        for number in range(SUBSCRIPTIONS - 2):
            same(await client.listen(f"many/{number}", 1), 1, f"SUBACK {number}")
        refused = await client.listen("one/too/many", 1)
        same(refused, 0x97 if version == V5 else 0x80, "SUBACK of one too many")


async def takeover(version):
    async with Client(name(takeover, version), version) as older:
        async with Client(older.id, version) as newer:
            reason = await older.lost()
            assert version == V311 or reason == 0x8E, f"the older client was told {reason}"
            await newer.listen("takeover")
            await newer.say("takeover", "x")
            await newer.expect("takeover", "x")


async def large_messages(version):
    topic = name(large_messages, version)
    async with Client(topic, version) as client:
        await client.listen(f"{topic}/#", 2)
        for qos in (0, 1, 2):
            await client.say(f"{topic}/large", "x" * 60_000, qos)
            await client.expect(f"{topic}/large", "x" * 60_000, qos)
        if version == V5:
            async with Client(f"small-{topic}", version, MaximumPacketSize=1000) as small:
                await small.listen(f"{topic}/#", 1)
                for payload in ("x" * 2000, "small"):
                    await client.say(f"{topic}/size", payload, 0)
                await small.expect(f"{topic}/size", "small")
            for payload in ("x" * 2000, "small"):
                await client.expect(f"{topic}/size", payload)
        sending = asyncio.create_task(client.say(f"{topic}/too/large", "x" * (MAXIMUM_PACKET + 1)))
        reason = await client.lost()
        sending.cancel()
        assert version == V311 or reason == 0x95, f"the client was told {reason}"


async def burst(version):
    topic = name(burst, version)
    async with Client(topic, version) as client:
        await client.listen(topic, 2)
        for qos in (0, 1, 2):
            payloads = [f"{number}" for number in range(200)]
            await asyncio.gather(*(client.say(topic, payload, qos) for payload in payloads))
            for payload in payloads:
                await client.expect(topic, payload, qos)


BOTH = [
    qualities_of_service, retained_messages, will_of_a_client_that_is_cut_off, session_that_is_resumed,
    shared_subscription, request_and_response, device_and_its_state, refusals, takeover, large_messages, burst,
]
ONLY_V5 = [properties_unchanged, subscription_identifiers, topic_aliases, receive_maximum]


play((V311, BOTH), (V5, BOTH + ONLY_V5))
