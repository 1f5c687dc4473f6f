"""gmqtt against the gatekeeper, over TCP.

The library does not show the reason codes of PUBACKs, hands on messages of QoS 2 without looking whether they come again, and
takes Receive Maximum for the number of packet identifiers that it may use: what is sent at once stays below that.
"""

import asyncio
import json
import logging
from types import SimpleNamespace

import gmqtt
from gmqtt.mqtt.constants import MQTTv50 as V5
from gmqtt.mqtt.constants import MQTTv311 as V311
from gmqtt.storage import PersistentStorage

from asyncio_story import play, within
from story import MAXIMUM_PACKET, REFUSED, SUBSCRIPTIONS, address, name, same

URL = address()
# How many publications are under way at once.
WINDOW = 20


class Refusals(logging.Handler):
    """The reason codes of PUBRECs, which the library tells its log alone."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.reasons = asyncio.Queue()

    def emit(self, record):
        if "PUBREC mid" in record.msg:
            self.reasons.put_nowait(int(record.args[1], 16))


class Client:
    """A client whose events wait in queues until the script asks for them."""

    def __init__(self, client_id, version, keep=False, will=None, **about):
        self.id, self.version = client_id, version
        self.connacks, self.subacks = asyncio.Queue(), asyncio.Queue()
        self.messages, self.goodbyes = asyncio.Queue(), asyncio.Queue()
        self.storage, self.refusals = PersistentStorage(), Refusals()
        if keep and version == V5:
            about["session_expiry_interval"] = 60
        logger = logging.Logger(client_id)
        logger.addHandler(self.refusals)
        self.gmqtt = gmqtt.Client(
            client_id, clean_session=not keep, will_message=will, persistent_storage=self.storage, logger=logger, **about
        )
        # With 0 it would still come back once by itself.
        self.gmqtt.set_config({"reconnect_retries": -2})
        self.gmqtt.on_connect = lambda _, present, __, about: self.connacks.put_nowait(
            SimpleNamespace(present=bool(present), properties=about))
        self.gmqtt.on_subscribe = lambda _, mid, reasons, __: self.subacks.put_nowait((mid, reasons))
        self.gmqtt.on_disconnect = lambda _, packet, *__: self.goodbyes.put_nowait(packet)
        self.gmqtt.on_message = lambda _, topic, payload, qos, properties: self.messages.put_nowait(
            SimpleNamespace(topic=topic, payload=payload, qos=qos, properties=properties))

    async def connect(self):
        """Connects, for the first time or again, and keeps the CONNACK."""
        await within(self.gmqtt.connect(URL.hostname, URL.port, version=self.version), f"{self.id}: CONNACK")
        self.connack = await within(self.connacks.get(), f"{self.id}: CONNACK")
        return self.connack

    async def __aenter__(self):
        await self.connect()
        return self

    async def __aexit__(self, *_):
        await self.gmqtt.disconnect()

    async def subscribe(self, topic, qos=0, **about):
        """Subscribes and gives the reason code."""
        sent = self.gmqtt.subscribe(topic, qos, **about)
        mid, [reason] = await within(self.subacks.get(), f"SUBACK of {topic}")
        same(mid, sent, "packet identifier of the SUBACK")
        return reason

    async def acknowledged(self):
        """Waits until all that was published is acknowledged."""
        await within(self.storage.wait_empty(), f"{self.id}: the acknowledgement of {len(self.storage.get_all())} publications")

    async def publish(self, *messages):
        """Publishes a few at a time, each given as the arguments of the library, and waits until all is acknowledged."""
        for number, (message, about) in enumerate(messages):
            self.gmqtt.publish(*message, **about)
            if number % WINDOW == WINDOW - 1:
                await self.acknowledged()
        await self.acknowledged()

    async def say(self, topic, payload=None, qos=1, retain=False, **about):
        """Publishes and waits until that is acknowledged."""
        await self.publish(((topic, payload, qos, retain), about))

    async def message(self, what):
        """The next message."""
        return await within(self.messages.get(), f"{self.id}: {what}")

    async def expect(self, topic, payload, qos=None, retain=None):
        """The next message, which has to be this one."""
        message = await self.message(f"{payload[:20]} on {topic}")
        same((message.topic, message.payload.decode()), (topic, payload), "message")
        assert qos is None or message.qos == qos, f"{topic} came with QoS {message.qos}"
        assert retain is None or message.properties["retain"] == retain, f"{topic} came with the other retain flag"
        return message

    async def until(self, topic, payload):
        """All payloads that come before this one, with their QoS."""
        payloads = []
        while True:
            message = await self.message(f"{payload} on {topic}")
            if (message.topic, message.payload.decode()) == (topic, payload):
                return payloads
            payloads.append((message.qos, message.payload.decode()))

    async def lost(self):
        """Waits until the connection has ended, and gives the reason code of a DISCONNECT."""
        packet = await within(self.goodbyes.get(), f"{self.id}: the end of the connection")
        return packet[0] if packet else None

    async def cut(self):
        """Ends the connection without a DISCONNECT, for which the library has no call."""
        self.gmqtt._connection._transport.abort()
        await self.lost()


def numbered(topic, count, qos):
    """Publications with numbers as payloads."""
    return [((topic, f"{number}", qos), {}) for number in range(count)]


async def qualities_of_service(version):
    topic = name(qualities_of_service, version)
    async with Client(f"sender-{topic}", version) as sender:
        for granted in (0, 1, 2):
            async with Client(f"receiver-{topic}-{granted}", version) as receiver:
                same(await receiver.subscribe(topic, granted), granted, "granted QoS")
                for qos in (0, 1, 2):
                    await sender.say(topic, f"{qos}", qos)
                    await receiver.expect(topic, f"{qos}", min(qos, granted), retain=False)


async def retained_messages(version):
    topic = name(retained_messages, version)
    async with Client(f"sender-{topic}", version) as sender, Client(f"late-{topic}", version) as late:
        await sender.subscribe(topic, 1)
        await sender.say(topic, "kept", retain=True)
        await sender.expect(topic, "kept", 1, retain=False)
        await late.subscribe(topic, 1)
        await late.expect(topic, "kept", 1, retain=True)
        await sender.say(topic, "", retain=True)
        async with Client(f"later-{topic}", version) as later:
            await later.subscribe(topic, 1)
            await sender.say(topic, "live")
            await later.expect(topic, "live", retain=False)


async def will_of_a_client_that_is_cut_off(version):
    topic = name(will_of_a_client_that_is_cut_off, version)
    async with Client(f"watcher-{topic}", version) as watcher:
        await watcher.subscribe(topic, 1)
        async with Client(f"polite-{topic}", version, will=gmqtt.Message(topic, "never", 1)):
            pass
        dying = Client(f"dying-{topic}", version, will=gmqtt.Message(topic, "gone", 1))
        await dying.connect()
        await dying.cut()
        await watcher.expect(topic, "gone", 1)


async def session_that_is_resumed(version):
    topic = name(session_that_is_resumed, version)
    async with Client(f"sender-{topic}", version) as sender:
        sleeper = Client(f"sleeper-{topic}", version, keep=True)
        assert not (await sleeper.connect()).present, "there was a session before the first connection"
        await sleeper.subscribe(topic, 2)
        await sleeper.cut()
        waiting = [(qos, f"{number}") for number in range(20) for qos in (1, 2)]
        await sender.publish(*(((topic, payload, qos), {}) for qos, payload in waiting))
        assert (await sleeper.connect()).present, "the session is not present"
        await sender.say(topic, "end", 2)
        came = await sleeper.until(topic, "end")
        for qos in (1, 2):
            one, other = ([payload for level, payload in all if level == qos] for all in (came, waiting))
            same(one, other, f"what waited with QoS {qos}")
        await sleeper.gmqtt.disconnect()
        async with Client(sleeper.id, version) as fresh:
            assert not fresh.connack.present, "the session was not thrown away"


async def sender_that_is_cut_off(version):
    """What was not acknowledged comes again, without a DUP flag from this library, and is passed on once."""
    topic = name(sender_that_is_cut_off, version)
    sender = Client(f"sender-{topic}", version, keep=True)
    async with Client(f"receiver-{topic}", version) as receiver:
        await receiver.subscribe(topic, 2)
        await sender.connect()
        for turn in range(5):
            for number in range(WINDOW):
                sender.gmqtt.publish(topic, f"{number}", 2)
            for number in range(4 * turn):
                await receiver.expect(topic, f"{number}", 2)
            await sender.cut()
            assert (await sender.connect()).present, "the session is not present"
            await sender.acknowledged()
            await sender.say(topic, "end", 2)
            came = [int(payload) for _, payload in await receiver.until(topic, "end")]
            same(sorted(came), list(range(4 * turn, WINDOW)), "what came over the broken connection")
        await sender.gmqtt.disconnect()


async def properties_unchanged(version):
    topic = name(properties_unchanged, version)
    said = {
        "payload_format_id": 1, "content_type": "text/plain", "response_topic": "answers/grüße",
        "correlation_data": bytes(range(256)), "user_property": [("b", "1"), ("a", "2"), ("b", "3"), ("", "")],
    }
    async with Client(topic, version) as client:
        await client.subscribe(topic, 1)
        await client.say(topic, "x", message_expiry_interval=100, **said)
        came = (await client.expect(topic, "x")).properties
        expected = {key: value if key == "user_property" else [value] for key, value in said.items()}
        same({key: came[key] for key in said}, expected, "properties")
        assert 90 <= came["message_expiry_interval"][0] <= 100, came


async def subscription_identifiers(version):
    topic = name(subscription_identifiers, version)
    async with Client(topic, version) as client:
        await client.subscribe(f"{topic}/#", 1, subscription_identifier=7)
        await client.subscribe(f"{topic}/+", 0, subscription_identifier=268435455)
        await client.say(f"{topic}/a", "x")
        came = await client.expect(f"{topic}/a", "x")
        same(sorted(came.properties["subscription_identifier"]), [7, 268435455], "subscription identifiers")


async def shared_subscription(version):
    topic = name(shared_subscription, version)
    one, other = (Client(f"{member}-{topic}", version) for member in ("one", "two"))
    async with Client(f"sender-{topic}", version) as sender, one, other:
        for member in (one, other):
            await member.subscribe(f"$share/group/{topic}", 1)
            await member.subscribe(f"{topic}/end", 1)
        await sender.publish(*numbered(topic, 40, 1), ((f"{topic}/end", "end", 1), {}))
        shares = [[payload for _, payload in await member.until(f"{topic}/end", "end")] for member in (one, other)]
        same(sorted(int(payload) for payload in shares[0] + shares[1]), list(range(40)), "what the group got")
        assert all(shares), f"the shares are {shares}"


async def topic_aliases(version):
    topic = name(topic_aliases, version)
    async with Client(topic, version, topic_alias_maximum=1) as client:
        await client.subscribe(f"{topic}/#", 1)
        await client.say(f"{topic}/a", "1", topic_alias=2)
        await client.say("", "2", topic_alias=2)
        for payload in ("1", "2"):
            came = await client.expect(f"{topic}/a", payload)
            same(came.properties["topic_alias"], [1], "topic alias")
        await client.say(f"{topic}/b", "3")
        assert "topic_alias" not in (await client.expect(f"{topic}/b", "3")).properties, "a second alias"


async def receive_maximum(version):
    topic = name(receive_maximum, version)
    async with Client(topic, version, receive_maximum=1) as client, Client(f"sender-{topic}", version) as sender:
        await client.subscribe(topic, 2)
        await sender.publish(*numbered(topic, 50, 2))
        for number in range(50):
            await client.expect(topic, f"{number}", 2)


async def request_and_response(version):
    async with Client(name(request_and_response, version), version) as client:
        answers = f"pi/rpc/responses/{client.id}"
        await client.subscribe(answers, 1)
        about = {"correlation_data": b"\x00request\xff"} if version == V5 else {}
        for device, status, code in (("lamp", "success", None), ("fan", "error", "UNKNOWN_DEVICE")):
            await client.say("pi/rpc/commands", json.dumps({"device": device, "method": "set", "args": [0.25]}), **about)
            message = await client.message(f"the response about {device}")
            answer = json.loads(message.payload)
            same((message.topic, answer["status"], answer["code"]), (answers, status, code), "response")
            if version == V5:
                same(message.properties["correlation_data"], [about["correlation_data"]], "correlation data")


async def device_and_its_state(version):
    state = "pi/devices/led/state"
    async with Client(name(device_and_its_state, version), version) as client:
        await client.subscribe(state, 1)
        assert (await client.message("the state of the led")).properties["retain"]
        for payload, value in (("ON", 1), ("OFF", 0), ("TOGGLE", 1)):
            await client.say("pi/devices/led/set", payload, 2)
            came = await client.message(f"the state after {payload}")
            same(json.loads(came.payload)["value"], value, payload)
        async with Client(f"late-{client.id}", version) as late:
            await late.subscribe(state)
            kept = await late.message("the retained state")
            same((kept.properties["retain"], json.loads(kept.payload)["value"]), (1, 1), "retained state")
        await client.say("pi/devices/led/set", "OFF")


async def refusals(version):
    async with Client(name(refusals, version), version) as client:
        await client.subscribe("pi/devices/led/state", 1)
        before = await client.message("the state of the led")
        for topic, payload, retain, code in REFUSED:
            for qos in (1, 2):
                await client.say(topic, payload, qos, retain)
            if version == V5:
                reason = await within(client.refusals.reasons.get(), f"the refusal of {payload} on {topic}")
                same(reason, code, f"PUBREC of {payload} on {topic}")
        await client.subscribe("pi/status")
        await client.expect("pi/status", "online", retain=True)
        await client.subscribe("pi/devices/led/state", 1)
        same((await client.message("the state of the led")).payload, before.payload, "state after refused commands")
        for number in range(SUBSCRIPTIONS - 2):
            same(await client.subscribe(f"many/{number}", 1), 1, f"SUBACK {number}")
        refused = await client.subscribe("one/too/many", 1)
        same(refused, 0x97 if version == V5 else 0x80, "SUBACK of one too many")


async def takeover(version):
    async with Client(name(takeover, version), version) as older, Client(older.id, version) as newer:
        reason = await older.lost()
        assert version == V311 or reason == 0x8E, f"the older client was told {reason}"
        await newer.subscribe("takeover")
        await newer.say("takeover", "x")
        await newer.expect("takeover", "x")


async def large_messages(version):
    topic = name(large_messages, version)
    async with Client(topic, version) as client:
        await client.subscribe(f"{topic}/#", 2)
        for qos in (0, 1, 2):
            await client.say(f"{topic}/large", "x" * 60_000, qos)
            await client.expect(f"{topic}/large", "x" * 60_000, qos)
        if version == V5:
            same(client.connack.properties["maximum_packet_size"], [MAXIMUM_PACKET], "Maximum Packet Size")
            async with Client(f"small-{topic}", version, maximum_packet_size=1000) as small:
                await small.subscribe(f"{topic}/#", 1)
                for payload in ("x" * 2000, "small"):
                    await client.say(f"{topic}/size", payload)
                await small.expect(f"{topic}/size", "small")
        client.gmqtt.publish(f"{topic}/too/large", "x" * (MAXIMUM_PACKET + 1), 1)
        reason = await client.lost()
        assert version == V311 or reason == 0x95, f"the client was told {reason}"


async def burst(version):
    topic = name(burst, version)
    async with Client(topic, version) as client:
        await client.subscribe(topic, 2)
        for qos in (0, 1, 2):
            await client.publish(*numbered(topic, 200, qos))
            for number in range(200):
                await client.expect(topic, f"{number}", qos)


BOTH = [
    qualities_of_service, retained_messages, will_of_a_client_that_is_cut_off, session_that_is_resumed,
    sender_that_is_cut_off, shared_subscription, request_and_response, device_and_its_state, refusals, takeover,
    large_messages, burst,
]
ONLY_V5 = [properties_unchanged, subscription_identifiers, topic_aliases, receive_maximum]


play((V311, BOTH), (V5, BOTH + ONLY_V5))
