"""Eclipse Paho's client for Python against the gatekeeper, over TCP or in a WebSocket."""

import json
import os
import queue
import socket
from types import SimpleNamespace

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.subscribeoptions import SubscribeOptions

from paho_story import properties
from story import MAXIMUM_PACKET, PATIENCE, REFUSED, SUBSCRIPTIONS, Missing, address, name, same, tell

V311, V5 = int(paho.MQTTv311), int(paho.MQTTv5)
URL = address()


class Client:
    """A client whose events wait in queues until the script asks for them."""

    def __init__(self, client_id, version, keep=False, will=None, manual_ack=False, **about):
        self.id, self.version, self.keep = client_id, version, keep
        self.connacks, self.messages, self.goodbyes = queue.Queue(), queue.Queue(), queue.Queue()
        self.subacks, self.published = queue.Queue(), queue.Queue()
        self.outcomes = {}
        self.cut_after = None
        transport = "websockets" if URL.scheme == "ws" else "tcp"
        clean = None if version == V5 else not keep
        self.paho = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id, clean, protocol=version, transport=transport,
            reconnect_on_failure=False, manual_ack=manual_ack,
        )
        if transport == "websockets":
            self.paho.ws_set_options(path=URL.path)
        self.paho.max_inflight_messages_set(20)
        self.paho.on_connect = lambda _, __, flags, reason, about: self.connacks.put(
            SimpleNamespace(present=flags.session_present, reason=reason, properties=about))
        self.paho.on_subscribe = lambda _, __, mid, reasons, ___: self.subacks.put((mid, reasons))
        self.paho.on_publish = lambda _, __, mid, reason, about: self.published.put((mid, reason, about))
        self.paho.on_disconnect = lambda _, __, ___, reason, ____: self.goodbyes.put(reason)
        self.paho.on_message = self.on_message
        if will:
            self.paho.will_set(*will)
        self.about = None
        if version == V5:
            if keep:
                about["SessionExpiryInterval"] = 60
            self.about = properties(PacketTypes.CONNECT, **about)
        self.connack = self.connect()

    def connect(self):
        """Connects, for the first time or again, and gives the CONNACK."""
        start = {"clean_start": not self.keep} if self.version == V5 else {}
        self.paho.connect(URL.hostname, URL.port, properties=self.about, **start)
        self.paho.loop_start()
        return self.wait(self.connacks, "CONNACK")

    def on_message(self, _, __, message):
        self.messages.put(message)
        if self.cut_after is not None:
            self.cut_after -= 1
            if self.cut_after == 0:
                self.cut()

    def wait(self, events, what):
        try:
            return events.get(timeout=PATIENCE)
        except queue.Empty:
            raise Missing(f"{self.id}: {what} did not come") from None

    def subscribe(self, topic, qos=0, identifier=None, **options):
        """Subscribes and gives the reason code."""
        if self.version == V5:
            about = properties(PacketTypes.SUBSCRIBE, **({"SubscriptionIdentifier": identifier} if identifier else {}))
            options = SubscribeOptions(qos=qos, **options)
            _, mid = self.paho.subscribe(topic, options=options, properties=about)
        else:
            _, mid = self.paho.subscribe(topic, qos)
        came, [reason] = self.wait(self.subacks, f"SUBACK of {topic}")
        same(came, mid, "packet identifier of the SUBACK")
        return reason.value

    def send(self, topic, payload=None, qos=0, retain=False, **about):
        """Publishes without waiting."""
        about = properties(PacketTypes.PUBLISH, **about) if about else None
        return self.paho.publish(topic, payload, qos, retain, about).mid

    def outcome(self, mid, what="publication"):
        """Waits for the acknowledgement of a publication."""
        while mid not in self.outcomes:
            done, reason, _ = self.wait(self.published, f"the acknowledgement of the {what}")
            self.outcomes[done] = reason.value
        return self.outcomes.pop(mid)

    def publish(self, topic, payload=None, qos=1, retain=False, **about):
        """Publishes and gives the reason code."""
        return self.outcome(self.send(topic, payload, qos, retain, **about), topic)

    def message(self, what):
        """The next message."""
        return self.wait(self.messages, what)

    def expect(self, topic, payload, qos=None, retain=None):
        """The next message, which has to be this one."""
        message = self.message(f"{payload[:20]} on {topic}")
        same((message.topic, message.payload.decode()), (topic, payload), "message")
        assert qos is None or message.qos == qos, f"{topic} came with QoS {message.qos}"
        assert retain is None or message.retain == retain, f"{topic} came with retain {message.retain}"
        return message

    def until(self, topic, payload):
        """All payloads that come before this one."""
        payloads = []
        while True:
            message = self.message(f"{payload} on {topic}")
            if (message.topic, message.payload.decode()) == (topic, payload):
                return payloads
            payloads.append((message.qos, message.payload.decode()))

    def cut(self):
        """Ends the connection without a DISCONNECT."""
        with socket.socket(fileno=os.dup(self.paho.socket().fileno())) as same_connection:
            same_connection.shutdown(socket.SHUT_RDWR)

    def lost(self):
        """Waits until the connection has ended."""
        reason = self.wait(self.goodbyes, "the end of the connection")
        self.paho.loop_stop()
        return reason.value

    def close(self):
        """Ends the connection in order."""
        self.paho.disconnect()
        self.lost()


def done_code(version, listeners=True):
    """The reason code of a publication that was taken."""
    return 0 if listeners or version == V311 else 0x10


def qualities_of_service(version):
    topic = name(qualities_of_service, version)
    sender = Client(f"sender-{topic}", version)
    same(sender.publish(f"{topic}/nobody", "x"), done_code(version, listeners=False), "PUBACK without subscribers")
    for granted in (0, 1, 2):
        receiver = Client(f"receiver-{topic}-{granted}", version)
        same(receiver.subscribe(topic, granted), granted, "granted QoS")
        for qos in (0, 1, 2):
            same(sender.publish(topic, f"{qos}", qos), 0, f"acknowledgement of QoS {qos}")
            receiver.expect(topic, f"{qos}", min(qos, granted), retain=False)
        receiver.close()
    sender.close()


def retained_messages(version):
    topic = name(retained_messages, version)
    sender, early = Client(f"sender-{topic}", version), Client(f"early-{topic}", version)
    early.subscribe(topic, 1)
    same(sender.publish(topic, "kept", retain=True), 0, "PUBACK")
    early.expect(topic, "kept", 1, retain=False)
    late = Client(f"late-{topic}", version)
    late.subscribe(topic, 1)
    late.expect(topic, "kept", 1, retain=True)
    sender.publish(topic, b"", retain=True)
    later = Client(f"later-{topic}", version)
    later.subscribe(topic, 1)
    sender.publish(topic, "live")
    later.expect(topic, "live", retain=False)
    for client in (sender, early, late, later):
        client.close()


def will_of_a_client_that_is_cut_off(version):
    topic = name(will_of_a_client_that_is_cut_off, version)
    watcher = Client(f"watcher-{topic}", version)
    watcher.subscribe(topic, 1)
    Client(f"polite-{topic}", version, will=(topic, "never", 1)).close()
    dying = Client(f"dying-{topic}", version, will=(topic, "gone", 1))
    dying.cut()
    watcher.expect(topic, "gone", 1)
    dying.lost()
    watcher.close()


def session_that_is_resumed(version):
    topic = name(session_that_is_resumed, version)
    sender, sleeper = Client(f"sender-{topic}", version), Client(f"sleeper-{topic}", version, keep=True)
    assert not sleeper.connack.present, "there was a session before the first connection"
    sleeper.subscribe(topic, 2)
    sleeper.cut()
    sleeper.lost()
    waiting = [(qos, f"{number}") for number in range(20) for qos in (1, 2)]
    for mid in [sender.send(topic, payload, qos) for qos, payload in waiting]:
        same(sender.outcome(mid), 0, "acknowledgement of what waits")
    assert sleeper.connect().present, "the session is not present"
    sender.publish(topic, "end", 2)
    came = sleeper.until(topic, "end")
    for qos in (1, 2):
        one, other = ([payload for level, payload in all if level == qos] for all in (came, waiting))
        same(one, other, f"what waited with QoS {qos}")
    # Without its session it is not subscribed any more.
    sleeper.close()
    sleeper.keep = False
    fresh = Client(sleeper.id, version)
    assert not fresh.connack.present, "the session was not thrown away"
    fresh.close()
    sender.close()


def connections_that_break(version):
    """Both sides lose their connection in the middle of what they do; QoS 2 keeps its promise."""
    topic = name(connections_that_break, version)
    receiver = Client(f"receiver-{topic}", version, keep=True)
    sender = Client(f"sender-{topic}", version, keep=True)
    receiver.subscribe(topic, 2)
    for turn in range(5):
        receiver.cut_after = 5
        payloads = [f"{turn} {number:02}" for number in range(30)]
        mids = [sender.send(topic, payload, 2) for payload in payloads]
        receiver.lost()
        sender.cut()
        sender.lost()
        assert receiver.connect().present and sender.connect().present, "a session is not present"
        for mid in mids:
            # A PUBREL that comes again may find that nothing is open any more.
            assert sender.outcome(mid) in (0, 0x92)
        sender.publish(topic, "end", 2)
        came = [payload for _, payload in receiver.until(topic, "end")]
        same(sorted(came), payloads, "what came over broken connections")
    for client in (sender, receiver):
        client.close()


def properties_unchanged(version):
    topic = name(properties_unchanged, version)
    client = Client(topic, version)
    client.subscribe(topic, 1)
    said = {
        "PayloadFormatIndicator": 1, "ContentType": "text/plain", "ResponseTopic": "answers/grüße",
        "CorrelationData": bytes(range(256)), "UserProperty": [("b", "1"), ("a", "2"), ("b", "3"), ("", "")],
    }
    same(client.publish(topic, "x", MessageExpiryInterval=100, **said), 0, "PUBACK")
    came = client.expect(topic, "x").properties
    same({key: getattr(came, key) for key in said}, said, "properties")
    assert 90 <= came.MessageExpiryInterval <= 100, came.MessageExpiryInterval
    client.close()


def subscription_identifiers(version):
    topic = name(subscription_identifiers, version)
    client = Client(topic, version)
    client.subscribe(f"{topic}/#", 1, identifier=7)
    client.subscribe(f"{topic}/+", 0, identifier=268435455)
    client.subscribe(f"{topic}/a", 1)
    client.publish(f"{topic}/a", "x")
    came = client.expect(f"{topic}/a", "x")
    same(sorted(came.properties.SubscriptionIdentifier), [7, 268435455], "subscription identifiers")
    client.publish(f"{topic}/a/b", "y")
    same(client.expect(f"{topic}/a/b", "y").properties.SubscriptionIdentifier, [7], "subscription identifier")
    client.close()


def shared_subscription(version):
    topic = name(shared_subscription, version)
    sender = Client(f"sender-{topic}", version)
    members = [Client(f"{member}-{topic}", version) for member in ("one", "two")]
    for member in members:
        member.subscribe(f"$share/group/{topic}", 1)
        member.subscribe(f"{topic}/end", 1)
    payloads = [f"{number}" for number in range(40)]
    for mid in [sender.send(topic, payload, 1) for payload in payloads]:
        same(sender.outcome(mid), 0, "PUBACK")
    sender.publish(f"{topic}/end", "end")
    shares = [[payload for _, payload in member.until(f"{topic}/end", "end")] for member in members]
    same(sorted(shares[0] + shares[1], key=int), payloads, "what the group got")
    assert all(shares), f"the shares are {shares}"
    for client in (sender, *members):
        client.close()


def topic_aliases(version):
    topic = name(topic_aliases, version)
    client = Client(topic, version, TopicAliasMaximum=1)
    assert client.connack.properties.TopicAliasMaximum >= 2
    client.subscribe(f"{topic}/#", 1)
    client.publish(f"{topic}/a", "1", TopicAlias=2)
    first = client.expect(f"{topic}/a", "1")
    same(client.publish("", "2", TopicAlias=2), 0, "PUBACK of a publication with nothing but an alias")
    # The library hands the alias on as it came, without its topic.
    second = client.expect("", "2")
    same(second.properties.TopicAlias, first.properties.TopicAlias, "topic alias")
    client.publish(f"{topic}/b", "3")
    same(hasattr(client.expect(f"{topic}/b", "3").properties, "TopicAlias"), False, "a second alias")
    client.close()


def receive_maximum(version):
    topic = name(receive_maximum, version)
    sender = Client(f"sender-{topic}", version)
    slow = Client(f"slow-{topic}", version, manual_ack=True, ReceiveMaximum=2)
    slow.subscribe(topic, 1)
    for number in range(4):
        same(sender.publish(topic, f"{number}"), 0, "PUBACK")
    first, _ = slow.expect(topic, "0"), slow.expect(topic, "1")
    # The answer to this comes after all that the gatekeeper had to say before.
    slow.subscribe(f"{topic}/other", 1)
    assert slow.messages.empty(), "more than Receive Maximum was sent"
    slow.paho.ack(first.mid, 1)
    third = slow.expect(topic, "2")
    slow.paho.ack(third.mid, 1)
    slow.expect(topic, "3")
    for client in (sender, slow):
        client.close()


def request_and_response(version):
    client = Client(name(request_and_response, version), version)
    answers = f"pi/rpc/responses/{client.id}"
    client.subscribe(answers, 1)
    about = {"CorrelationData": b"\x00request\xff"} if version == V5 else {}
    for device, status, code in (("lamp", "success", None), ("fan", "error", "UNKNOWN_DEVICE")):
        request = {"device": device, "method": "set", "args": [0.25]}
        reason = client.publish("pi/rpc/commands", json.dumps(request), **about)
        same(reason, 0x90 if code and version == V5 else 0, f"PUBACK of the request to {device}")
        message = client.message(f"the response about {device}")
        answer = json.loads(message.payload)
        same((message.topic, answer["status"], answer["code"]), (answers, status, code), "response")
        if version == V5:
            same(message.properties.CorrelationData, about["CorrelationData"], "correlation data")
    client.close()


def device_and_its_state(version):
    client = Client(name(device_and_its_state, version), version)
    state = "pi/devices/led/state"
    client.subscribe(state, 1)
    before = client.message("the state of the led")
    assert before.retain
    for payload, value in (("ON", 1), ("OFF", 0), ("TOGGLE", 1)):
        same(client.publish("pi/devices/led/set", payload, 2), 0, f"acknowledgement of {payload}")
        same(json.loads(client.message(f"the state after {payload}").payload)["value"], value, payload)
    late = Client(f"late-{client.id}", version)
    late.subscribe(state)
    kept = late.message("the retained state")
    same((bool(kept.retain), json.loads(kept.payload)["value"]), (True, 1), "retained state")
    client.publish("pi/devices/led/set", "OFF")
    for each in (client, late):
        each.close()


def refusals(version):
    client = Client(name(refusals, version), version)
    for topic, payload, retain, code in REFUSED:
        expected = code if version == V5 else 0
        same(client.publish(topic, payload, 1, retain), expected, f"PUBACK of {payload} on {topic}")
        # The library takes no notice of the PUBREC; then there is nothing to release.
        expected = 0x92 if version == V5 else 0
        same(client.publish(topic, payload, 2, retain), expected, f"PUBCOMP of {payload} on {topic}")
    client.subscribe("pi/status")
    client.expect("pi/status", "online", retain=True)
    for number in range(SUBSCRIPTIONS - 1):
        same(client.subscribe(f"many/{number}", 1), 1, f"SUBACK {number}")
    same(client.subscribe("one/too/many", 1), 0x97 if version == V5 else 0x80, "SUBACK of one too many")
    client.close()


def takeover(version):
    older = Client(name(takeover, version), version)
    newer = Client(older.id, version)
    reason = older.lost()
    assert version == V311 or reason == 0x8E, f"the older client was told {reason:#x}"
    newer.subscribe("takeover")
    newer.publish("takeover", "x")
    newer.expect("takeover", "x")
    newer.close()


def large_messages(version):
    topic = name(large_messages, version)
    client = Client(topic, version)
    client.subscribe(f"{topic}/#", 2)
    for qos in (0, 1, 2):
        client.publish(f"{topic}/large", "x" * 60_000, qos)
        client.expect(f"{topic}/large", "x" * 60_000, qos)
    if version == V5:
        same(client.connack.properties.MaximumPacketSize, MAXIMUM_PACKET, "Maximum Packet Size")
        small = Client(f"small-{topic}", version, MaximumPacketSize=1000)
        small.subscribe(f"{topic}/#", 1)
        for payload in ("x" * 2000, "small"):
            client.publish(f"{topic}/size", payload)
        small.expect(f"{topic}/size", "small")
        small.close()
    client.send(f"{topic}/too/large", "x" * (MAXIMUM_PACKET + 1), 1)
    reason = client.lost()
    assert version == V311 or reason == 0x95, f"the client was told {reason:#x}"


def burst(version):
    topic = name(burst, version)
    client = Client(topic, version)
    client.subscribe(topic, 2)
    for qos in (0, 1, 2):
        payloads = [f"{number}" for number in range(200)]
        mids = [client.send(topic, payload, qos) for payload in payloads]
        for mid in mids:
            same(client.outcome(mid), 0, f"acknowledgement of QoS {qos}")
        for payload in payloads:
            client.expect(topic, payload, qos)
    client.close()


BOTH = [
    qualities_of_service, retained_messages, will_of_a_client_that_is_cut_off, session_that_is_resumed,
    connections_that_break, shared_subscription, request_and_response, device_and_its_state, refusals, takeover,
    large_messages, burst,
]
ONLY_V5 = [properties_unchanged, subscription_identifiers, topic_aliases, receive_maximum]

for version, steps in ((V311, BOTH), (V5, BOTH + ONLY_V5)):
    for step in steps:
        step(version)
        tell(step, version)
