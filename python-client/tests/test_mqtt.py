"""The same over MQTT as over the line protocol, and what only MQTT has."""

from __future__ import annotations

import importlib.util
import os
import unittest

from gpio_gatekeeper import mqtt_words as words
from gpio_gatekeeper.errors import AccessDenied, Held, Refusal

from . import test_devices, test_gate, test_leases, test_network, test_reconnecting
from .daemon import DaemonCase


def setUpModule() -> None:
    if importlib.util.find_spec("paho") is None and os.environ.get("GATEKEEPER_REQUIRE_CLIENTS") != "1":
        raise unittest.SkipTest("paho-mqtt is not installed")


class Commands(test_gate.Commands):
    scheme = "mqtt"


class Telling(test_gate.Telling):
    scheme = "mqtt"


class Thresholds(test_gate.Thresholds):
    scheme = "mqtt"


class Outputs(test_devices.Outputs):
    scheme = "mqtt"


class Inputs(test_devices.Inputs):
    scheme = "mqtt"


class Sources(test_devices.Sources):
    scheme = "mqtt"


class EveryKind(test_devices.EveryKind):
    scheme = "mqtt"


class Leases(test_leases.Leases):
    scheme = "mqtt"


class Reconnecting(test_reconnecting.Reconnecting):
    scheme = "mqtt"


class Cut(test_network.Cut):
    scheme = "mqtt"


class Both(DaemonCase):
    scheme = "mqtt"

    def test_what_a_device_is_is_the_same_over_both(self) -> None:
        self.scheme = "line"
        line = self.connect()
        for name in line.devices():
            ours, theirs = self.gate.describe(name), line.describe(name)
            for member in ("kind", "summary", "lines", "minimum", "maximum", "unit", "values", "is_simulated"):
                self.assertEqual(getattr(ours, member), getattr(theirs, member), f"{name}: {member}")
            self.assertEqual(set(ours.actions), set(theirs.actions))

    def test_a_lease_of_one_protocol_holds_against_the_other(self) -> None:
        self.scheme = "line"
        line = self.connect()
        with self.gate.lease("led", seconds=10), self.assertRaises(Held):
            line.do("led", "on")
        with line.lease("led", seconds=10), self.assertRaises(Held):
            self.gate.do("led", "on")


class Words(unittest.TestCase):
    def test_commands_become_requests(self) -> None:
        for command, payload in (
            ({"COMMAND": "GET", "DEVICE": "led"}, {"device": "led", "method": "read"}),
            ({"COMMAND": "SET", "DEVICE": "led", "VALUE": "On"}, {"device": "led", "method": "on", "kwargs": {}}),
            (
                {"COMMAND": "SET", "DEVICE": "led", "VALUE": "1", "TOKEN": "7"},
                {"device": "led", "method": "set", "kwargs": {"value": "1", "token": "7"}},
            ),
            (
                {"COMMAND": "DO", "DEVICE": "led", "ACTION": "blink", "ON_TIME": "1s"},
                {"device": "led", "method": "blink", "kwargs": {"on_time": "1s"}},
            ),
            (
                {"COMMAND": "LEASE", "DEVICE": "led,motor", "TTL": "1s", "CONNECTION": "1"},
                {
                    "device": "system",
                    "method": "lease",
                    "kwargs": {"devices": "led,motor", "ttl": "1s", "connection": True},
                },
            ),
            ({"COMMAND": "RENEW", "TOKEN": "7"}, {"device": "system", "method": "renew", "kwargs": {"token": 7}}),
        ):
            request = words.request(command)
            assert request is not None
            self.assertEqual(request.payload, payload)
        self.assertIsNone(words.request({"COMMAND": "LIST"}))

    def test_a_time_to_live_is_in_whole_seconds(self) -> None:
        for ttl, expiry in (("1s", 1), ("1500ms", 2), ("1ms", 1)):
            request = words.request({"COMMAND": "DO", "DEVICE": "led", "ACTION": "on", "TTL": ttl})
            assert request is not None
            self.assertEqual(request.expiry, expiry)

    def test_a_reason_becomes_a_refusal(self) -> None:
        self.assertIsInstance(words.refused(0x87, "HELD: by panel: now"), Held)
        self.assertEqual(words.refused(0x87, "HELD: by panel: now").message, "by panel: now")
        self.assertIsInstance(words.refused(0x87, None), AccessDenied)
        self.assertEqual((type(words.refused(0xA2, "what: now")), words.refused(0xA2, None).code), (Refusal, "MQTT_A2"))


if __name__ == "__main__":
    unittest.main()
