"""MQTT 5 by paho-mqtt, in the words of the line protocol.

A client of paho lives for one connection: what it would send again on the next one is not sent again.
"""

from __future__ import annotations

import json
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional, Tuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from . import mqtt_words as words
from .errors import ConnectFailed, ConnectionLost, GatekeeperError, Refusal, refusal
from .settings import Settings
from .transport import Answer, Ended, Event, Fields, Incoming
from .waiting import is_readable, wait

PREFIX = "pi"
"""The first level of the gatekeeper's topics, where its configuration does not say otherwise."""
KEEPALIVE = 5
"""Seconds of silence after which either side is asked whether it is there."""
MOST_OPEN = 32
"""So many publications may wait for their outcome: the gatekeeper's Receive Maximum."""
TICK = 1.0
"""How often paho looks at its clock, in seconds."""


class MqttTransport:
    """One connection of MQTT."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Optional[paho.Client] = None
        self._end: Optional[Ended] = None
        self._incoming: List[Incoming] = []
        self._greeting: Optional[Fields] = None
        self._registry: Optional[Mapping[str, object]] = None
        self._telemetry: Mapping[str, object] = {}
        # What has not been handed to paho yet.
        self._outbox: Deque[Tuple[int, Fields]] = deque()
        self._requests: Dict[int, Callable[[object], Fields]] = {}
        # What waits for PUBACK, SUBACK or UNSUBACK, by its packet identifier.
        self._published: Dict[int, int] = {}
        self._subscribed: Dict[int, int] = {}
        me = settings.client
        self._responses = f"{PREFIX}/rpc/responses/{me}"
        self._messages = f"{PREFIX}/nodes/{me}/message"
        self._leases = f"{PREFIX}/nodes/{me}/lease"

    def open(self) -> Fields:
        settings = self._settings
        client = paho.Client(
            CallbackAPIVersion.VERSION2, settings.client, protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        self._client = client
        client.connect_timeout = settings.timeout
        client.max_inflight_messages_set(MOST_OPEN)
        secret = settings.token or settings.password
        if settings.user is not None or secret is not None:
            client.username_pw_set(settings.user or "", secret)
        if settings.is_tls:
            client.tls_set_context(settings.tls())
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        end = time.monotonic() + settings.timeout
        try:
            client.connect(settings.host, settings.port, KEEPALIVE, clean_start=True)
            self._pump(end, lambda: self._greeting is not None)
            everybody = [f"{PREFIX}/devices/registry", f"{PREFIX}/system/telemetry"]
            own = [self._responses, self._messages, self._leases]
            client.subscribe([(topic, SubscribeOptions(qos=0)) for topic in everybody + own])
            self._pump(end, lambda: self._registry is not None)
        except Ended as ended:
            self.close()
            raise ended.why from None
        except GatekeeperError:
            self.close()
            raise
        except (OSError, ValueError) as error:
            self.close()
            raise ConnectFailed(f"{settings.url} can't be reached: {error}") from error
        assert self._greeting is not None
        return self._greeting

    def _pump(self, end: float, is_done: Callable[[], bool]) -> None:
        """Reads and writes until the first things are said."""
        while not is_done():
            if self._end is not None:
                raise self._end
            left = end - time.monotonic()
            if left <= 0:
                raise ConnectFailed(f"{self._settings.url} does not answer as a gatekeeper")
            wait(self.fileno(), self.fileno(), self.wants_write(), left)
            self._turn()

    def fileno(self) -> int:
        found = None if self._client is None else self._client.socket()
        return -1 if found is None else int(found.fileno())

    def wants_write(self) -> bool:
        if self._outbox and len(self._published) < MOST_OPEN:
            return True
        return self._client is not None and self._client.want_write()

    def send(self, number: int, command: Fields) -> None:
        self._outbox.append((number, command))

    def withdraw(self, number: int) -> bool:
        for entry in self._outbox:
            if entry[0] == number:
                self._outbox.remove(entry)
                return True
        return False

    def exchange(self) -> List[Incoming]:
        if self._end is None:
            self._hand_over()
            self._turn()
            self._hand_over()
        incoming, self._incoming = self._incoming, []
        if not incoming and self._end is not None:
            raise self._end
        return incoming

    def deadline(self) -> Optional[float]:
        return 0.0 if self._end is not None or self._incoming else time.monotonic() + TICK

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.on_disconnect = None
            try:
                client.disconnect()
                client.loop_write()
            except (OSError, ValueError):
                # It is gone already.
                pass
            found = client.socket()
            if found is not None:
                found.close()

    def _turn(self) -> None:
        """Lets paho read what is there, write, and look at its clock."""
        client = self._client
        assert client is not None
        try:
            while self._is_readable() and self._end is None:
                self._check(client.loop_read())
            if self._end is None:
                self._check(client.loop_write())
                self._check(client.loop_misc())
        except (OSError, ValueError) as error:
            self._lost(str(error))

    def _is_readable(self) -> bool:
        found = None if self._client is None else self._client.socket()
        if found is None:
            return False
        # Bytes may have come out of TLS already that nobody has read.
        if getattr(found, "pending", lambda: 0)() > 0:
            return True
        return is_readable(found.fileno())

    def _check(self, code: MQTTErrorCode) -> None:
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._lost(paho.error_string(code))

    def _lost(self, why: str) -> None:
        if self._end is None:
            self._end = Ended(ConnectionLost(f"the connection to {self._settings.url} was lost: {why}"))

    # Commands.

    def _hand_over(self) -> None:
        while self._outbox and self._end is None and len(self._published) < MOST_OPEN:
            number, command = self._outbox.popleft()
            try:
                self._carry_out(number, command)
            except Refusal as error:
                self._incoming.append(Answer(number, error))
            except (ValueError, KeyError) as error:
                self._incoming.append(Answer(number, refusal("BAD_VALUE", str(error))))

    def _carry_out(self, number: int, command: Fields) -> None:
        name = command.get("COMMAND")
        registry = self._registry or {}
        asked = words.request(command)
        if asked is not None:
            self._requests[number] = asked.read
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = str(number).encode()
            properties.ResponseTopic = self._responses
            if asked.expiry is not None:
                properties.MessageExpiryInterval = asked.expiry
            self._publish(number, "rpc/commands", json.dumps(asked.payload), False, properties)
        elif name == "PUB":
            words.check_name(command["VAR"], 64, "variable")
            self._publish(number, f"vars/{command['VAR']}", command["VALUE"], command.get("RETAIN") == "1")
        elif name == "SEND":
            words.check_name(command["TO"], 128, "client")
            self._publish(number, f"nodes/{command['TO']}/message", command["VALUE"], False)
        elif name in ("SUB", "UNSUB"):
            self._subscribe(number, command, registry)
        elif name == "LIST":
            self._incoming.append(Answer(number, words.listed(registry, command)))
        elif name == "DESCRIBE":
            self._incoming.append(Answer(number, words.described(registry, command.get("DEVICE", ""))))
        elif name == "STATUS":
            self._incoming.append(Answer(number, words.status(self._telemetry, registry)))
        else:
            raise refusal("NOT_SUPPORTED", f"{name} is not said over MQTT")

    def _publish(
        self, number: int, topic: str, payload: str, retain: bool, properties: Optional[Properties] = None
    ) -> None:
        assert self._client is not None
        # Its outcome comes with the acknowledgement.
        info = self._client.publish(f"{PREFIX}/{topic}", payload, 1, retain, properties)
        self._published[info.mid] = number
        self._check(info.rc)

    def _subscribe(self, number: int, command: Fields, registry: Mapping[str, object]) -> None:
        assert self._client is not None
        device, variable = command.get("DEVICE"), command.get("VAR")
        if variable is not None:
            words.check_name(variable, 64, "variable")
            filters = [f"{PREFIX}/vars/{variable}"]
        elif device == "*":
            filters = [f"{PREFIX}/devices/+/state", f"{PREFIX}/alerts/+"]
        elif device in registry:
            filters = [f"{PREFIX}/devices/{device}/state", f"{PREFIX}/alerts/{device}"]
        else:
            raise refusal("UNKNOWN_DEVICE", f"no device is called {device}")
        if command["COMMAND"] == "SUB":
            code, mid = self._client.subscribe([(name, SubscribeOptions(qos=0)) for name in filters])
        else:
            code, mid = self._client.unsubscribe(filters)
        if mid is not None:
            self._subscribed[mid] = number
        self._check(code)

    # What paho calls, within `_turn`.

    def _on_connect(self, _client: paho.Client, _data: object, _flags: object, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._end = Ended(words.refused(reason.value, getattr(properties, "ReasonString", None)))
        else:
            self._greeting = {"REPLY": "OK", "SERVER": "gpio-gatekeeper", "CLIENT": self._settings.client}

    def _on_disconnect(self, _client: paho.Client, _data: object, flags: Any, reason: Any, properties: Any) -> None:
        if self._end is None and flags.is_disconnect_packet_from_server:
            self._end = Ended(words.refused(reason.value, getattr(properties, "ReasonString", None)))
        self._lost(str(reason))

    def _on_publish(self, _client: paho.Client, _data: object, mid: int, reason: Any, properties: Any) -> None:
        number = self._published.pop(mid, None)
        if number is None:
            return
        if reason.is_failure:
            refused = words.refused(reason.value, getattr(properties, "ReasonString", None))
            self._requests.pop(number, None)
            self._incoming.append(Answer(number, refused))
        elif number not in self._requests:
            self._incoming.append(Answer(number, {"REPLY": "OK"}))

    def _on_subscribe(self, _client: paho.Client, _data: object, mid: int, reasons: Any, properties: Any) -> None:
        number = self._subscribed.pop(mid, None)
        failure = next((reason for reason in reasons if reason.is_failure), None)
        if number is not None and failure is not None:
            refused = words.refused(failure.value, getattr(properties, "ReasonString", None))
            self._incoming.append(Answer(number, refused))
        elif number is not None:
            self._incoming.append(Answer(number, {"REPLY": "OK"}))
        elif failure is not None:
            self._end = Ended(words.refused(failure.value, getattr(properties, "ReasonString", None)))

    def _on_unsubscribe(self, _client: paho.Client, _data: object, mid: int, _reasons: Any, _properties: Any) -> None:
        number = self._subscribed.pop(mid, None)
        if number is not None:
            self._incoming.append(Answer(number, {"REPLY": "OK"}))

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        topic = message.topic[len(PREFIX) + 1 :]
        levels = topic.split("/")
        if message.topic == self._responses:
            self._response(message)
        elif topic == "devices/registry":
            self._registry = json.loads(message.payload)
        elif topic == "system/telemetry":
            self._telemetry = json.loads(message.payload)
        elif levels[0] == "vars":
            self._tell({"EVENT": "MESSAGE", "VAR": topic[len("vars/") :], "VALUE": message.payload.decode()}, message)
        elif message.topic == self._messages:
            value = message.payload.decode()
            self._tell({"EVENT": "MESSAGE", "TO": self._settings.client, "VALUE": value}, message)
        elif levels[0] == "devices" and levels[-1] == "state":
            self._tell({"EVENT": "STATE", **words.state(json.loads(message.payload))}, message)
        elif levels[0] == "alerts":
            self._tell(words.alert(json.loads(message.payload)), message)
        elif message.topic == self._leases:
            self._tell(words.lease_news(json.loads(message.payload)), message)

    def _tell(self, fields: Dict[str, str], message: paho.MQTTMessage) -> None:
        if message.retain:
            fields["RETAINED"] = "1"
        self._incoming.append(Event(fields))

    def _response(self, message: paho.MQTTMessage) -> None:
        data = getattr(message.properties, "CorrelationData", b"")
        if not data.isdigit():
            return
        number = int(data)
        read = self._requests.pop(number, None)
        if read is None:
            return
        response = json.loads(message.payload)
        try:
            if response.get("status") != "success":
                raise refusal(response.get("code") or "", response.get("message") or "")
            self._incoming.append(Answer(number, read(response.get("result"))))
        except Refusal as error:
            self._incoming.append(Answer(number, error))
