"""Commands and their outcomes, variables, messages and alerts, over the line protocol."""

from __future__ import annotations

import threading
import unittest
from typing import Optional

from gpio_gatekeeper import (
    Alert,
    BadValue,
    Closed,
    ConnectFailed,
    DeviceFault,
    Gate,
    Message,
    NotFound,
    OutOfRange,
    State,
    UnknownAction,
    UnknownClient,
    UnknownDevice,
    connect,
)

from .daemon import PATIENCE, DaemonCase, Events


class Commands(DaemonCase):
    def test_a_command_answers_with_the_state(self) -> None:
        state = self.gate.do("led", "on")
        self.assertEqual((state.device, state.kind, state.value, state.state), ("led", "led", 1, "on"))
        self.assertEqual(self.gate.read("led").seq, state.seq)
        self.assertEqual(self.gate.set("lamp", 0.25).value, 0.25)

    def test_parameters_are_those_of_the_protocol(self) -> None:
        state = self.gate.do("relay", "blink", on_time="10min", n=2)
        self.assertEqual((state.value, state.fields["blinking"]), (1, "1"))
        self.assertNotIn("blinking", self.gate.do("relay", "off", ttl=5).fields)

    def test_a_refusal_is_raised_as_what_it_is(self) -> None:
        for error, device, action, parameters in (
            (UnknownDevice, "fan", "on", {}),
            (UnknownAction, "led", "pulse", {}),
            (OutOfRange, "lamp", "set", {"value": 2}),
            (BadValue, "led", "blink", {"on_tmie": 1}),
            (BadValue, "led", "on", {"command": "LIST"}),
            (BadValue, "led", "on", {"device": "motor"}),
        ):
            with self.subTest(error), self.assertRaises(error):
                self.gate.carry_out(device, action, parameters)

    def test_a_fault_of_the_hardware_is_raised(self) -> None:
        self.gate.ask({"COMMAND": "FAULT", "DEVICE": "relay", "FAULT": "stuck"})
        self.addCleanup(self.gate.ask, {"COMMAND": "FAULT", "MEND": "1"})
        with self.assertRaises(DeviceFault) as caught:
            self.gate.do("relay", "toggle")
        self.assertIsInstance(caught.exception, OSError)

    def test_it_tells_what_there_is(self) -> None:
        self.assertEqual(set(self.gate.devices()), {"led", "relay", "lamp", "button", "motor"})
        lamp = self.gate.describe("lamp")
        self.assertEqual((lamp.kind, lamp.minimum, lamp.maximum, lamp.lines["line"]), ("pwm_led", 0, 1, "simulated:18"))
        self.assertIn("pulse", lamp.actions)
        status = self.gate.status()
        self.assertEqual((status.backend, status.is_simulated, status.devices), ("simulated", True, 5))
        # Over MQTT this is what was told last.
        self.assertGreaterEqual(status.clients, 1 if self.scheme == "line" else 0)

    def test_many_threads_have_each_its_own_answer(self) -> None:
        wrong = []

        def ask(device: str) -> None:
            for _ in range(50):
                if self.gate.read(device).device != device:
                    wrong.append(device)

        threads = [threading.Thread(target=ask, args=(name,)) for name in self.gate.devices() * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_after_the_end_nothing_is_sent(self) -> None:
        gate = self.connect()
        gate.close()
        gate.close()
        with self.assertRaises(Closed):
            gate.do("led", "on")

    def test_nobody_there_is_told(self) -> None:
        with self.assertRaises(ConnectFailed) as caught:
            connect("line://127.0.0.1:1", timeout=PATIENCE)
        self.assertIsInstance(caught.exception, ConnectionError)


class Telling(DaemonCase):
    def sender(self, gate: Gate) -> Optional[str]:
        """Over MQTT nobody tells who published."""
        return gate.client if self.scheme.startswith("line") else None

    def test_a_variable_is_told_to_its_subscribers(self) -> None:
        told, other = Events(), self.connect()
        with self.gate.subscribe("setpoint", told):
            other.publish("setpoint", 21.5)
            self.assertEqual(told.next(), Message("21.5", "setpoint", self.sender(other)))
        other.publish("setpoint", 22)
        self.gate.publish("setpoint", "|%\n°", retain=True)
        later = Events()
        with self.gate.subscribe("setpoint", later):
            self.assertEqual(later.next(), Message("|%\n°", "setpoint", self.sender(self.gate), True))
        self.assertEqual(told.rest(), [])

    def test_what_is_no_name_is_refused(self) -> None:
        for name in ("", "a/b", "+", "#", "a\n", "x" * 65):
            with self.subTest(name):
                with self.assertRaises(BadValue):
                    self.gate.publish(name, 1)
                with self.assertRaises(BadValue):
                    self.gate.subscribe(name, print)
                with self.assertRaises((BadValue, UnknownClient)):
                    self.gate.send(name, 1)

    def test_what_is_too_long_is_refused(self) -> None:
        for value in ("x" * 1025, "|" * 5000):
            with self.assertRaises(ValueError):
                self.gate.publish("setpoint", value)
        self.gate.publish("setpoint", "|" * 1024)

    def test_a_message_comes_to_one_client(self) -> None:
        told, other = Events(), self.connect()
        self.gate.when_message = told
        other.send(self.gate.client, "hello")
        self.assertEqual(told.next(), Message("hello", None, self.sender(other)))
        with self.assertRaises(UnknownClient):
            other.send("nobody", "hello")

    def test_a_callback_may_ask_and_wait(self) -> None:
        told = Events()
        self.gate.when_message = lambda message: told(self.gate.do("led", message.value))
        self.gate.send(self.gate.client, "on")
        state = told.next()
        self.assertIsInstance(state, State)

    def test_a_callback_that_fails_or_does_not_come_back_keeps_nobody_waiting(self) -> None:
        told, release = Events(), threading.Event()
        self.addCleanup(release.set)

        def fail(message: Message) -> None:
            if message.value == "fail":
                raise RuntimeError("on purpose")
            told(message.value)
            release.wait(PATIENCE)

        self.gate.when_message = fail
        with self.assertLogs("gpio_gatekeeper", "ERROR"):
            self.gate.send(self.gate.client, "fail")
            self.gate.send(self.gate.client, "block")
            self.assertEqual(told.next(), "block")
        self.assertEqual(self.gate.do("led", "off").value, 0)


class Thresholds(DaemonCase):
    def test_an_alert_is_told_and_can_be_asked_for(self) -> None:
        told = Events()
        self.gate.when_alert = told
        self.gate.set("lamp", 0)
        with self.gate.device("lamp"):
            threshold = self.gate.set_threshold("bright", "lamp", maximum=0.8, hysteresis=0.1, action=("relay", 1))
            self.assertEqual((threshold.maximum, threshold.minimum, threshold.action), (0.8, None, "relay:1"))
            self.assertEqual([known.name for known in self.gate.thresholds()], ["bright"])
            self.gate.set("lamp", 1)
            alert = told.next()
            assert isinstance(alert, Alert)
            self.assertEqual((alert.change, alert.threshold, alert.bound, alert.value), ("created", "bright", 0.8, 1))
            self.assertEqual([known.id for known in self.gate.alerts("lamp")], [alert.id])
            self.gate.delete_threshold("bright")
            resolved = told.next()
            assert isinstance(resolved, Alert)
            self.assertEqual((resolved.id, resolved.cause), (alert.id, "DELETED"))
        self.assertEqual(self.gate.alerts(), [])
        with self.assertRaises(NotFound):
            self.gate.delete_threshold("bright")


if __name__ == "__main__":
    unittest.main()
