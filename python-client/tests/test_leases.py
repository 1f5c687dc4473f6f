"""Leases that renew themselves, over the line protocol."""

from __future__ import annotations

import threading
import unittest

from gpio_gatekeeper import Gate, Held, Lease, LeaseLost, OutOfRange, StaleToken

from .daemon import PATIENCE, DaemonCase, Events


class Leases(DaemonCase):
    other: Gate

    def setUp(self) -> None:
        super().setUp()
        self.other = self.connect()

    def test_others_are_kept_out_until_it_is_given_back(self) -> None:
        with self.gate.lease("motor", "led", seconds=10) as lease:
            self.assertEqual((set(lease.devices), lease.seconds), ({"led", "motor"}, 10))
            self.assertEqual(self.gate.do("motor", "forward").value, 1)
            with self.assertRaises(Held) as caught:
                self.other.do("motor", "stop")
            self.assertIsInstance(caught.exception, PermissionError)
        self.assertEqual(self.other.do("motor", "stop").value, 0)
        lease.release()

    def test_one_that_is_broken_refuses_further_writes(self) -> None:
        told = Events()
        with self.gate.lease("motor", seconds=10, when_lost=told) as lease:
            self.other.break_lease("motor", reason="maintenance")
            self.assertIs(told.next(), lease)
            self.assertTrue(lease.lost.is_set())
            self.assertEqual(lease.cause, f"BROKEN by {self.other.client}: maintenance")
            with self.assertRaises(LeaseLost):
                self.gate.do("motor", "forward")
            self.gate.do("led", "on")
            self.gate.read("motor")
        # Without a lease it is a write like any other.
        self.gate.do("motor", "stop")

    def test_all_devices_can_be_held(self) -> None:
        with self.gate.lease(seconds=10) as lease:
            self.assertEqual(lease.devices, ("*",))
            with self.assertRaises(Held):
                self.other.do("led", "on")
            self.gate.do("led", "on")

    def test_it_is_waited_for(self) -> None:
        first = self.gate.lease("relay", seconds=10)
        with self.assertRaises(Held):
            self.other.lease("relay", seconds=10)
        granted = Events()
        waiting = threading.Thread(target=lambda: granted(self.other.lease("relay", seconds=10, wait=PATIENCE)))
        waiting.start()
        # Who waits is the next, so that a third gets nothing although the first gives back.
        first.release()
        lease = granted.next()
        assert isinstance(lease, Lease)
        waiting.join()
        self.assertGreater(lease.token, first.token)
        self.assertEqual(self.other.do("relay", "on").value, 1)

    def test_a_write_under_an_older_lease_is_refused(self) -> None:
        with self.gate.lease("led", seconds=10) as older, self.gate.lease("led", seconds=10) as newer:
            with self.assertRaises(StaleToken):
                self.gate.ask({"COMMAND": "SET", "DEVICE": "led", "VALUE": "ON", "TOKEN": str(older.token)})
            self.assertEqual(self.gate.do("led", "on").value, 1)
            self.assertFalse(newer.lost.is_set())

    def test_what_can_not_be_is_refused(self) -> None:
        with self.assertRaises(OutOfRange):
            self.gate.lease("led", seconds=0.01)
        with self.assertRaises(ValueError):
            self.gate.lease("led", seconds=-1)


if __name__ == "__main__":
    unittest.main()
