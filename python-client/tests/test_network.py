"""A network that is cut, while the gatekeeper goes on."""

from __future__ import annotations

import threading
import unittest

from gpio_gatekeeper import LED, Button, ConnectionLost, Gate, Held, Outcome, connect

from .daemon import PATIENCE, DaemonCase, Events
from .proxy import Proxy


class Cut(DaemonCase):
    def setUp(self) -> None:
        super().setUp()
        host, port = self.daemon.addresses[self.scheme].split(":")
        self.proxy = Proxy((host, int(port)))
        self.addCleanup(self.proxy.close)
        self.far: Gate = connect(f"{self.scheme}://{self.proxy.address}", timeout=PATIENCE)
        self.addCleanup(self.far.close)
        self.online, self.offline = Events(), Events()
        self.far.when_connected = lambda: self.online("online")
        self.far.when_disconnected = self.offline

    def cut(self) -> None:
        self.proxy.cut()
        self.offline.next()

    def test_what_has_not_changed_is_not_told(self) -> None:
        led, button, told = LED("led", gate=self.far), Button("button", gate=self.far), Events()
        button.press()
        self.addCleanup(self.gate.do, "button", "release")
        # After that nothing becomes of it by itself.
        self.assertTrue(button._wait(lambda state: state.state == "held", PATIENCE))
        for device in (button, led):
            device.when_changed = lambda state: told(state.device)
        self.cut()
        self.online.next()
        led.toggle()
        self.assertEqual(told.next(), "led")
        self.assertEqual(told.rest(), [])

    def test_a_change_meanwhile_is_told_once(self) -> None:
        led, told = LED("led", gate=self.far), Events()
        led.off()
        led.when_changed = lambda state: told(state.value)
        self.cut()
        self.gate.do("led", "on")
        self.assertEqual(told.next(), 1)
        self.gate.do("led", "off")
        self.assertEqual(told.next(), 0)
        self.assertEqual(told.rest(), [])

    def test_a_lease_is_still_held_after_a_cut(self) -> None:
        with self.far.lease("led", seconds=60) as lease:
            self.cut()
            with self.assertRaises(Held):
                self.gate.do("led", "on")
            self.online.next()
            self.assertEqual(self.far.do("led", "on").value, 1)
            self.assertFalse(lease.lost.is_set())
        self.gate.do("led", "off")

    def test_a_lease_that_was_broken_meanwhile_is_lost(self) -> None:
        told = Events()
        with self.far.lease("led", seconds=60, when_lost=told) as lease:
            self.cut()
            self.gate.break_lease("led", reason="maintenance")
            self.assertIs(told.next(), lease)

    def unknown(self) -> None:
        """Toggles the light, and is cut off before the answer comes."""
        errors = Events()

        def toggle() -> None:
            try:
                errors(self.far.do("led", "toggle", timeout=PATIENCE))
            except ConnectionLost as error:
                errors(error)

        asking = threading.Thread(target=toggle)
        asking.start()
        self.assertTrue(self.proxy.swallowing.wait(PATIENCE))
        self.cut()
        error = errors.next()
        asking.join()
        assert isinstance(error, ConnectionLost)
        self.assertIs(error.outcome, Outcome.UNKNOWN)
        self.online.next()

    def test_a_command_whose_answer_is_lost_is_not_sent_again(self) -> None:
        before = self.gate.do("led", "off")
        with LED("led", gate=self.gate) as led:
            self.proxy.swallow("down")
            self.unknown()
            self.assertTrue(led._wait(lambda state: state.value == 1, PATIENCE))
            self.far.read("relay")
            self.assertEqual((led.read().value, led.read().seq), (1, before.seq + 1))

    def test_a_command_that_was_lost_on_its_way_is_not_sent_again(self) -> None:
        before = self.gate.do("led", "off")
        self.proxy.swallow("up")
        self.unknown()
        self.far.read("relay")
        self.assertEqual(self.gate.read("led").seq, before.seq)


if __name__ == "__main__":
    unittest.main()
