"""A gatekeeper that ends, comes back, or falls silent."""

from __future__ import annotations

import dataclasses
import re
import socket
import threading
import unittest
from concurrent.futures import TimeoutError as FutureTimeout
from unittest import mock

from gpio_gatekeeper import (
    LED,
    Button,
    CallTimeout,
    ConnectionLost,
    Held,
    NotSent,
    Outcome,
    TakenOver,
    TooSlow,
    backoff,
    connect,
    lease,
)

from .daemon import PATIENCE, DaemonCase, Events


class Reconnecting(DaemonCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.revive)
        self.online, self.offline = Events(), Events()
        self.gate.when_connected = lambda: self.online("online")
        self.gate.when_disconnected = self.offline

    def revive(self) -> None:
        self.daemon.stop()
        self.daemon.start()

    def restart(self) -> None:
        """Ends the gatekeeper as a crash would, and starts it again."""
        self.daemon.kill()
        self.offline.next()
        self.daemon.start()
        self.online.next()

    def test_subscriptions_go_on_and_only_changes_are_told(self) -> None:
        led, button, pressed = LED("led", gate=self.gate), Button("button", gate=self.gate), Events()
        button.when_pressed = lambda: pressed("pressed")
        button.when_released = lambda: pressed("released")
        for _ in range(3):
            led.toggle()
        led.on()
        self.restart()
        # What was on is off now, although its number has begun anew.
        self.assertTrue(led._wait(lambda state: state.value == 0, PATIENCE))
        self.connect().do("button", "press")
        self.assertEqual(pressed.next(), "pressed")
        self.assertEqual(pressed.rest(), [])
        self.assertEqual(led.on().value, led.value)

    def test_a_change_in_between_is_told(self) -> None:
        button, told = Button("button", gate=self.gate), Events()
        button.press()
        button.when_released = lambda: told("released")
        self.restart()
        self.assertEqual(told.next(), "released")

    def test_variables_go_on(self) -> None:
        told = Events()
        self.gate.subscribe("setpoint", lambda message: told(message.value))
        self.restart()
        self.gate.publish("setpoint", 20)
        self.assertEqual(told.next(), "20")

    def test_nothing_is_kept_for_later_while_there_is_no_connection(self) -> None:
        self.daemon.kill()
        self.offline.next()
        with self.assertRaises(NotSent) as caught:
            self.gate.do("led", "on")
        self.assertIs(caught.exception.outcome, Outcome.NOT_SENT)
        self.assertFalse(self.gate.is_connected)
        self.daemon.start()
        self.assertTrue(self.gate.wait_connected(PATIENCE))
        self.assertEqual(self.gate.read("led").value, 0)

    def test_a_lease_that_the_gatekeeper_does_not_know_any_more_is_lost(self) -> None:
        told = Events()
        lease = self.gate.lease("led", seconds=60, when_lost=told)
        self.restart()
        self.assertIs(told.next(), lease)
        with self.assertRaises(PermissionError):
            self.gate.do("led", "on")
        lease.release()
        self.gate.do("led", "on")

    def test_a_lease_that_nobody_can_renew_is_lost_by_our_own_clock(self) -> None:
        told = Events()
        with self.gate.lease("led", seconds=0.2, when_lost=told) as lease:
            self.daemon.kill()
            self.assertIs(told.next(), lease)
            with self.assertRaises(PermissionError):
                self.gate.do("led", "on")

    def test_a_client_id_that_another_takes_is_not_fought_for(self) -> None:
        other = self.connect(client=self.gate.client)
        why = self.offline.next()
        self.assertIsInstance(why, TakenOver)
        self.assertEqual(other.do("led", "off").value, 0)
        self.assertFalse(self.gate.is_connected)


class Backoff(unittest.TestCase):
    def test_waits_grow_to_half_a_minute_with_a_jitter(self) -> None:
        waits = backoff.Backoff()
        for expected in (0.5, 1, 2, 4, 8, 16, 30, 30):
            self.assertTrue(expected * 0.5 <= waits.wait() <= expected * 1.5)
        waits.reset()
        self.assertLess(waits.wait(), 1)
        waits.lengthen()
        self.assertGreaterEqual(waits.wait(), 15)


class ServerCase(unittest.TestCase):
    """A server that greets, and then does what the test says."""

    def setUp(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.came = Events()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        self.addCleanup(self.thread.join, PATIENCE)
        self.url = f"line://127.0.0.1:{self.listener.getsockname()[1]}"
        self.gate = connect(self.url, timeout=PATIENCE)
        self.addCleanup(self.gate.close)

    def serve(self) -> None:
        connection, _ = self.listener.accept()
        self.connection = connection
        connection.recv(4096)
        connection.sendall(b"|START|REPLY=OK|SERVER=test|VERSION=1|PROTOCOL=1|CLIENT=x|KEEPALIVE=60s|END|")
        with connection:
            try:
                while data := connection.recv(65536):
                    self.came(data)
            except ConnectionError:
                # The client is gone, and had something left to read.
                pass


class Late(ServerCase):
    timeout = 0.1

    def setUp(self) -> None:
        super().setUp()
        # Only what is asked from here on has little time.
        self.gate.core.settings = dataclasses.replace(self.gate.core.settings, timeout=self.timeout)

    def test_no_answer_in_time_is_an_unknown_outcome(self) -> None:
        with self.assertRaises(CallTimeout) as caught:
            self.gate.do("led", "on")
        self.assertIsInstance(caught.exception, TimeoutError)
        self.assertIs(caught.exception.outcome, Outcome.UNKNOWN)

    def test_an_answer_that_comes_too_late_harms_nobody(self) -> None:
        with self.assertRaises(CallTimeout):
            self.gate.read("led")
        self.came.next()
        answer = self.gate.core.ask({"COMMAND": "LIST"}, PATIENCE)
        self.came.next()
        self.connection.sendall(b"|START|REPLY=OK|ID=1|DEVICE=led|KIND=led|VALUE=0|STATE=off|SEQ=1|TIME=1|END|")
        self.connection.sendall(b"|START|REPLY=OK|ID=2|COUNT=0|DEVICES=|END|")
        self.assertEqual(answer.result(PATIENCE)["COUNT"], "0")

    def test_replies_behind_a_lease_that_is_waited_for_may_take_longer(self) -> None:
        lease = self.gate.core.ask_lease(["led"], 10, PATIENCE, False)()
        self.came.next()
        behind = self.gate.core.ask({"COMMAND": "LIST"})
        # Longer than the timeout.
        with self.assertRaises(FutureTimeout):
            behind.result(3 * self.timeout)
        self.assertFalse(behind.done())
        self.connection.sendall(b"|START|REPLY=ERROR|ID=1|CODE=HELD|MESSAGE=held|END|")
        self.connection.sendall(b"|START|REPLY=OK|ID=2|COUNT=0|DEVICES=|END|")
        self.assertEqual(behind.result(PATIENCE)["COUNT"], "0")
        self.assertIsInstance(lease.exception(), Held)

    def test_a_lease_that_comes_too_late_is_given_back(self) -> None:
        with self.assertRaises(CallTimeout):
            self.gate.lease("led", seconds=10)
        self.came.next()
        self.connection.sendall(b"|START|REPLY=OK|ID=1|TOKEN=17|DEVICES=led|TTL=10s|END|")
        self.assertEqual(self.came.next(), b"|START|COMMAND=RELEASE|ID=2|TOKEN=17|END|\n")


class Lost(ServerCase):
    def test_a_connection_that_is_lost_before_the_answer_is_an_unknown_outcome(self) -> None:
        answer = self.gate.core.ask({"COMMAND": "GET", "DEVICE": "led"}, PATIENCE)
        self.came.next()
        self.connection.shutdown(socket.SHUT_RDWR)
        with self.assertRaises(ConnectionLost) as caught:
            answer.result(PATIENCE)
        self.assertIs(caught.exception.outcome, Outcome.UNKNOWN)

    def test_the_keepalive_is_answered_while_a_callback_blocks(self) -> None:
        release = threading.Event()
        self.addCleanup(release.set)
        self.gate.when_message = lambda _: release.wait(PATIENCE)
        self.connection.sendall(b"|START|EVENT=MESSAGE|TO=x|VALUE=|FROM=y|END|")
        self.connection.sendall(b"|START|COMMAND=HELLO|END|")
        self.assertEqual(self.came.next(), b"|START|COMMAND=HELLO!|ID=-|END|\n")

    def test_nonsense_ends_the_connection(self) -> None:
        told = Events()
        self.gate.when_disconnected = told
        self.connection.sendall(b"|START|reply|END|")
        self.assertIsInstance(told.next(), ConnectionLost)

    def test_a_state_that_makes_no_sense_ends_the_connection(self) -> None:
        told = Events()
        self.gate.when_disconnected = told
        with self.assertLogs("gpio_gatekeeper", "ERROR"):
            self.connection.sendall(b"|START|EVENT=STATE|DEVICE=led|VALUE=bright|END|")
            self.assertIsInstance(told.next(), ConnectionLost)

    def test_silence_ends_the_connection(self) -> None:
        told = Events()
        self.gate.when_disconnected = told
        # Its keepalive is short from here on.
        hello = self.gate.core.ask({"COMMAND": "HELLO", "KEEPALIVE": "1s"}, PATIENCE)
        self.came.next()
        self.connection.sendall(b"|START|REPLY=OK|ID=1|SERVER=test|KEEPALIVE=10ms|END|")
        hello.result(PATIENCE)
        self.assertIsInstance(told.next(), TooSlow)

    def test_a_lease_that_was_waited_for_counts_from_a_renewal_on(self) -> None:
        taking = threading.Thread(target=lambda: self.gate.lease("led", seconds=60, wait=1))
        taking.start()
        self.came.next()
        self.connection.sendall(b"|START|REPLY=OK|ID=1|TOKEN=17|DEVICES=led|TTL=60s|END|")
        self.assertEqual(self.came.next(), b"|START|COMMAND=RENEW|ID=2|TOKEN=17|END|\n")
        self.connection.sendall(b"|START|REPLY=OK|ID=2|TOKEN=17|DEVICES=led|TTL=60s|END|")
        taking.join()

    def test_writes_are_meant_under_the_lease(self) -> None:
        taking = threading.Thread(target=lambda: self.gate.lease("led", seconds=60))
        taking.start()
        self.came.next()
        self.connection.sendall(b"|START|REPLY=OK|ID=1|TOKEN=17|DEVICES=led|TTL=60s|END|")
        taking.join()
        for device, token in (("led", b"|TOKEN=17"), ("lamp", b"")):
            self.gate.core.write({"COMMAND": "SET", "DEVICE": device, "VALUE": "ON"})
            self.assertTrue(
                self.came.next().endswith(b"|DEVICE=" + device.encode() + b"|VALUE=ON" + token + b"|END|\n")
            )

    def test_who_was_taken_over_stays_away_for_long(self) -> None:
        told = Events()
        self.gate.when_disconnected = told
        with self.assertLogs("gpio_gatekeeper.connection", "INFO") as logged:
            self.connection.sendall(b"|START|EVENT=CLOSING|CODE=TAKEN_OVER|MESSAGE=taken|END|")
            self.assertIsInstance(told.next(), TakenOver)
            self.gate.close()
        pause = re.search(r"connecting again in ([0-9.]+) s", logged.output[-1])
        assert pause is not None
        self.assertGreaterEqual(float(pause.group(1)), 15)

    def test_a_lease_is_renewed_again_and_again(self) -> None:
        # Often, and never too late, however slow the machine is.
        often = mock.patch.object(lease, "RENEWALS", 1000)
        often.start()
        self.addCleanup(often.stop)
        taking = threading.Thread(target=lambda: self.gate.lease("led", seconds=60))
        taking.start()
        self.came.next()
        self.connection.sendall(b"|START|REPLY=OK|ID=1|TOKEN=17|DEVICES=led|TTL=60s|END|")
        taking.join()
        for number in (2, 3, 4):
            self.assertEqual(self.came.next(), b"|START|COMMAND=RENEW|ID=%d|TOKEN=17|END|\n" % number)
            self.connection.sendall(b"|START|REPLY=OK|ID=%d|TOKEN=17|DEVICES=led|TTL=60s|END|" % number)


if __name__ == "__main__":
    unittest.main()
