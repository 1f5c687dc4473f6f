"""gpiozero's pins by raw lines: its programs run unchanged, and every property of a pin does what gpiozero expects."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Callable, Dict, List

from gpio_gatekeeper import Held, NotSent, OutOfRange, State

from .daemon import PATIENCE, Daemon, DaemonCase, Events

try:
    from gpiozero import (
        LED,
        PWMLED,
        Button,
        GPIOPinInUse,
        PinFixedPull,
        PinInvalidBounce,
        PinInvalidEdges,
        PinInvalidFunction,
        PinInvalidPin,
        PinInvalidPull,
        PinInvalidState,
        PinPWMFixedValue,
        PinSetInput,
        PinSPIUnsupported,
    )

    from gpio_gatekeeper.gpiozero_pins import GatekeeperFactory
except ImportError:
    if os.environ.get("GATEKEEPER_REQUIRE_CLIENTS") == "1":
        raise
    raise unittest.SkipTest("gpiozero is not here")

HERE = Path(__file__).parent.parent
RAW = {"raw_lines": {"lines": [f"GPIO{number}" for number in (2, 4, 5, 6, 17, 18, 20, 21, 22, 23, 24)]}}
LAMP = {"lamp": {"led": {"line": "GPIO27"}}}


class Lines(DaemonCase):
    """A gatekeeper with raw lines, and `gate`, which looks at them and drives those that are inputs."""

    sections = RAW
    devices = LAMP

    def heard(self, *devices: str) -> Events:
        """The states of these devices from now on."""
        states = Events()
        for device in devices:
            self.gate.core.subscribe("DEVICE", device).result()
            self.gate.core.states.first(device, PATIENCE)
            self.gate.core.states.watch(device, lambda before, now: states(now))
        return states

    def until(self, states: Events, wanted: Callable[[State], bool]) -> State:
        """The first of them that is wanted."""
        while True:
            state = states.next()
            assert isinstance(state, State)
            if wanted(state):
                return state

    def drive(self, number: int, level: int) -> None:
        """What somebody outside does to a line that is an input."""
        self.gate.do(f"gpio{number}", "activate" if level else "deactivate")


class Programs(Lines):
    """Programs as people write them, each in a process of its own."""

    def setUp(self) -> None:
        super().setUp()
        # What installing the package leaves for those who look for its entry points.
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        info = Path(folder.name) / "gpio_gatekeeper-0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gpio-gatekeeper\nVersion: 0\n")
        points = (HERE / "pyproject.toml").read_text().split("[project.entry-points.")[1].split("\n\n")[0]
        (info / "entry_points.txt").write_text("[" + points.replace('"', "") + "\n")
        self.environment: Dict[str, str] = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE / "src"), folder.name]),
            "GPIOZERO_PIN_FACTORY": "gatekeeper",
            "GATEKEEPER_URL": self.daemon.url(),
        }

    def run_program(self, name: str) -> subprocess.Popen[str]:
        """Starts one, which is ended after the test."""
        program = subprocess.Popen(
            [sys.executable, "-B", str(HERE / "examples/gpiozero" / f"{name}.py")],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

        def clear() -> None:
            program.kill()
            program.communicate()

        self.addCleanup(clear)
        return program

    def end(self, program: subprocess.Popen[str], *devices: str) -> None:
        """Ends it as Ctrl-C does; its lines are nobody's then."""
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=PATIENCE)
        for device in devices:
            self.assertIsNotNone(self.gate.core.states.wait(device, lambda state: state.state == "unused", PATIENCE))

    def test_every_one_is_run(self) -> None:
        programs = {path.stem for path in (HERE / "examples/gpiozero").iterdir()}
        self.assertEqual(programs, {name[5:] for name in dir(self) if name.startswith("test_")} - {"every_one_is_run"})

    def test_led(self) -> None:
        states = self.heard("gpio17")
        program = self.run_program("led")
        for level in ["high", "low", "high", "low"]:
            self.until(states, lambda state: state.state == level)
        self.end(program, "gpio17")

    def test_button(self) -> None:
        led, button = self.heard("gpio17"), self.heard("gpio4")
        program = self.run_program("button")
        self.assertEqual(self.until(button, lambda state: state.fields.get("pull") == "up").value, 1)
        self.until(led, lambda state: state.state == "low")
        # The program may not have said yet what is to be done.
        while not led.rest():
            self.drive(4, 0)
            self.drive(4, 1)
        self.drive(4, 0)
        self.until(led, lambda state: state.state == "high")
        self.drive(4, 1)
        self.until(led, lambda state: state.state == "low")
        self.end(program, "gpio17", "gpio4")

    def test_motor(self) -> None:
        forward, backward = self.heard("gpio5"), self.heard("gpio6")
        program = self.run_program("motor")
        self.until(forward, lambda state: state.value == 1 and state.number("frequency") == 100)
        self.until(forward, lambda state: state.value == 0)
        self.until(backward, lambda state: state.value == 0.25)
        self.until(backward, lambda state: state.value == 0)
        out, errors = program.communicate(timeout=PATIENCE)
        self.assertEqual((program.returncode, out, errors), (0, "", ""))
        for states in (forward, backward):
            self.until(states, lambda state: state.state == "unused")

    def test_pwm_led(self) -> None:
        states = self.heard("gpio18")
        program = self.run_program("pwm_led")
        for _ in range(2):
            self.until(states, lambda state: state.value is not None and state.value > 0.9)
            self.until(states, lambda state: state.value is not None and state.value < 0.1)
        self.end(program, "gpio18")

    def test_traffic_lights(self) -> None:
        states = self.heard("gpio22", "gpio23", "gpio24")
        program = self.run_program("traffic_lights")
        for _ in range(2):
            for device in ["gpio24", "gpio23", "gpio22"]:
                self.until(states, lambda state: state.device == device and state.value == 1)
        out, errors = program.communicate(timeout=PATIENCE)
        self.assertEqual((program.returncode, out, errors), (0, "", ""))

    def test_rotary_encoder(self) -> None:
        program = self.run_program("rotary_encoder")
        assert program.stdout is not None
        self.assertEqual(program.stdout.readline(), "0\n")
        clockwise = [(20, 0), (21, 0), (20, 1), (21, 1)]
        told: List[str] = []
        for _ in range(3):
            for line, level in clockwise:
                self.drive(line, level)
            told.append(program.stdout.readline())
        for line, _ in clockwise[1::-1]:
            self.drive(line, 0)
        for line, _ in clockwise[1::-1]:
            self.drive(line, 1)
        told.append(program.stdout.readline())
        self.assertIn(told, [["1\n", "2\n", "3\n", "2\n"], ["-1\n", "-2\n", "-3\n", "-2\n"]])
        self.heard("gpio20")
        self.end(program, "gpio20")


class Pins(Lines):
    """The properties of a pin."""

    def setUp(self) -> None:
        super().setUp()
        self.factory = GatekeeperFactory(self.daemon.url())
        self.addCleanup(self.factory.close)


    def settle(self) -> None:
        """Waits until what was left to do is done."""
        done = Events()
        self.factory.gate.core.dispatcher.put(lambda: done(None))
        done.next()

    def state_of(self, number: int) -> str:
        return self.gate.read(f"gpio{number}").state

    def test_a_pin_is_taken_when_it_is_needed_and_given_back(self) -> None:
        pin = self.factory.pin("GPIO17")
        self.assertEqual(self.state_of(17), "unused")
        pin.output_with_state(1)
        self.assertEqual((self.state_of(17), pin.function, pin.state), ("high", "output", True))
        pin.state = False
        self.assertEqual((self.state_of(17), pin.state), ("low", False))
        states = self.heard("gpio17")
        pin.close()
        pin.close()
        self.until(states, lambda state: state.state == "unused")

    def test_a_pin_that_is_wanted_again_at_once_is_kept(self) -> None:
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        self.factory.gate.core.dispatcher.put(lambda: go_on.wait(PATIENCE))
        LED(17, pin_factory=self.factory, initial_value=True).close()
        led = LED(17, pin_factory=self.factory, initial_value=True)
        self.addCleanup(led.close)
        go_on.set()
        self.settle()
        self.assertEqual((led.value, self.state_of(17)), (1, "high"))

    def test_inputs_have_a_pull_and_know_their_level(self) -> None:
        pin = self.factory.pin("BOARD7")
        pin.function = "input"
        self.assertEqual((pin.pull, pin.function), ("floating", "input"))
        pin.pull = "up"
        self.assertEqual((pin.state, self.gate.read("gpio4").fields["pull"]), (True, "up"))
        states = self.gate.core.states
        self.factory.gate.core.states.watch("gpio4", lambda before, now: states.take(now))
        self.drive(4, 0)
        self.assertIsNotNone(self.factory.gate.core.states.wait("gpio4", lambda state: state.value == 0, PATIENCE))
        self.assertIs(pin.state, False)
        pin.input_with_pull("down")
        self.assertEqual(self.gate.read("gpio4").fields["pull"], "down")

    def test_edges_are_told_with_the_time_of_the_kernel(self) -> None:
        pin, told = self.factory.pin("GPIO4"), Events()
        pin.input_with_pull("down")
        handler = lambda ticks, state: told(ticks, state)  # noqa: E731
        pin.when_changed = handler
        before = self.factory.ticks()
        self.gate.ask({"COMMAND": "FAULT", "DEVICE": "gpio4", "FAULT": "storm", "N": "1"})
        ticks, state = told.next()  # type: ignore[misc]
        after = self.factory.ticks()
        edge = self.gate.read("gpio4").edge_ns
        assert edge is not None
        self.assertEqual((ticks, state), (edge / 1e9, 1))
        # The same machine, and so the same clock; what the network wavers is far less than this.
        self.assertLess(abs(self.factory.ticks() - time.monotonic()), 1.0)
        self.assertLess(before - 0.5, ticks)
        self.assertLess(ticks, after + 0.5)
        self.assertEqual(self.factory.ticks_diff(1.0, 2.0), 0.0)

    def test_only_the_edges_that_are_wanted_are_told(self) -> None:
        for edges, expected in [("both", [1, 0, 1, 0]), ("rising", [1, 1]), ("falling", [0, 0]), ("none", [])]:
            pin, told, seen = self.factory.pin("GPIO4"), Events(), Events()
            pin.input_with_pull("down")
            handler = lambda ticks, state: told(state)  # noqa: E731,B023
            pin.edges = edges
            pin.when_changed = handler
            # It is told after the pin.
            self.factory.gate.core.states.watch("gpio4", lambda before, now: seen(now))  # noqa: B023
            for level in (1, 0, 1, 0):
                self.drive(4, level)
                self.until(seen, lambda state: state.value == level)  # noqa: B023
            pin.edges = "both"
            self.drive(4, 1)
            self.assertEqual([told.next() for _ in [*expected, 1]], [*expected, 1], edges)
            pin.close()
            self.until(seen, lambda state: state.state == "unused")

    def test_another_configuration_is_no_edge(self) -> None:
        pin, told = self.factory.pin("GPIO4"), Events()
        pin.input_with_pull("down")
        handler = lambda ticks, state: told(state)  # noqa: E731
        pin.when_changed = handler
        pin.pull = "up"
        self.assertIs(pin.state, True)
        self.drive(4, 0)
        self.assertEqual(told.next(), 0)

    def test_what_bounces_counts_when_it_has_stayed(self) -> None:
        pin = self.factory.pin("GPIO4")
        pin.input_with_pull("up")
        pin.bounce = 0.02
        self.assertEqual((pin.bounce, self.gate.read("gpio4").fields["debounce"]), (0.02, "20ms"))
        pin.bounce = None
        self.assertNotIn("debounce", self.gate.read("gpio4").fields)

    def test_a_pwm_has_a_frequency_and_a_duty(self) -> None:
        led = PWMLED(18, pin_factory=self.factory, frequency=200, initial_value=0.5)
        self.addCleanup(led.close)
        told = self.gate.read("gpio18")
        self.assertEqual((told.state, told.value, told.fields["frequency"]), ("pwm", 0.5, "200"))
        self.assertEqual((led.value, led.frequency), (0.5, 200))
        led.frequency = 50
        self.assertEqual((led.value, led.frequency), (0.5, 50))
        led.value = 0.75
        self.assertEqual(self.gate.read("gpio18").value, 0.75)
        states = self.heard("gpio18")
        led.frequency = None
        self.until(states, lambda state: state.state == "low")
        with self.assertRaises(OutOfRange):
            led.frequency = 5000

    def test_a_pwm_that_is_ended_does_not_undo_what_comes_next(self) -> None:
        pin = self.factory.pin("GPIO18")
        for _ in range(20):
            pin.function = "output"
            pin.frequency = 100
            pin.state = 0.5
            pin.frequency = None
            pin.state = True
            self.assertEqual((self.state_of(18), pin.state), ("high", True))
        self.settle()
        self.assertEqual(self.state_of(18), "high")

    def test_what_pins_can_not_do_is_refused_as_gpiozero_does(self) -> None:
        pin, fixed = self.factory.pin(4), self.factory.pin(2)
        pin.function = "input"
        attempts = [
            (PinInvalidPin, lambda: self.factory.pin("GPIO99")),
            (PinInvalidPin, lambda: self.factory.pin("GPIO12")),
            (PinInvalidPin, lambda: self.factory.pin("GPIO27")),
            (PinInvalidFunction, lambda: setattr(pin, "function", "spi")),
            (PinSetInput, lambda: setattr(pin, "state", 1)),
            (PinInvalidPull, lambda: setattr(pin, "pull", "left")),
            (PinFixedPull, lambda: setattr(fixed, "pull", "down")),
            (PinInvalidBounce, lambda: setattr(pin, "bounce", -1)),
            (PinInvalidEdges, lambda: setattr(pin, "edges", "some")),
            (PinPWMFixedValue, lambda: setattr(pin, "frequency", 100)),
            (PinInvalidState, lambda: pin.output_with_state(0.5)),
            (PinSPIUnsupported, lambda: self.factory.spi(port=0, device=0)),
        ]
        for number, (error, attempt) in enumerate(attempts):
            with self.subTest(number), self.assertRaises(error):
                attempt()
        pin.output_with_state(0)
        with self.assertRaises(PinFixedPull):
            pin.pull = "up"

    def test_a_pin_is_one_devices(self) -> None:
        led = LED(17, pin_factory=self.factory)
        self.addCleanup(led.close)
        with self.assertRaises(GPIOPinInUse):
            LED("BCM17", pin_factory=self.factory)

    def test_a_lease_keeps_others_from_a_pin(self) -> None:
        with self.factory.gate.lease("gpio17"):
            led = LED(17, pin_factory=self.factory)
            led.on()
            with self.assertRaises(Held):
                self.gate.do("gpio17", "release")
            self.assertEqual((led.value, self.state_of(17)), (1, "high"))

    def test_a_line_with_a_name_of_its_own_is_found(self) -> None:
        daemon = Daemon({"raw_lines": {"lines": [{"line": "GPIO17", "name": "probe"}]}}, {})
        self.addCleanup(daemon.clear)
        with GatekeeperFactory(daemon.url()) as factory:
            LED(17, pin_factory=factory).on()
            self.assertEqual(factory.gate.read("probe").state, "high")

    def test_the_board_is_what_it_is_said_to_be(self) -> None:
        os.environ["GATEKEEPER_REVISION"] = "d04170"
        self.addCleanup(os.environ.pop, "GATEKEEPER_REVISION")
        with GatekeeperFactory(gate=self.gate) as factory:
            self.assertEqual(factory.board_info.model, "5B")
        self.assertTrue(self.gate.is_connected, "who made the gate closes it")

    def test_closing_gives_everything_back(self) -> None:
        states = self.heard("gpio17", "gpio4")
        LED(17, pin_factory=self.factory).on()
        self.factory.pin(4).function = "input"
        self.factory.close()
        self.factory.close()
        seen = {self.until(states, lambda state: state.state == "unused").device for _ in range(2)}
        self.assertEqual(seen, {"gpio17", "gpio4"})


class OverMqtt(Lines):
    scheme = "mqtt"

    def test_pins_are_the_same_but_for_the_clock(self) -> None:
        with GatekeeperFactory(self.daemon.url("mqtt")) as factory:
            led, button, told = LED(17, pin_factory=factory), Button(4, pin_factory=factory), Events()
            led.on()
            self.assertEqual((led.value, self.gate.read("gpio17").value), (1, 1))
            button.when_pressed = lambda: told(button.active_time)
            self.gate.ask({"COMMAND": "DO", "DEVICE": "gpio4", "ACTION": "deactivate"})
            active = told.next()
            assert isinstance(active, float)
            self.assertLess(active, PATIENCE)


class Reconnecting(unittest.TestCase):
    """What is left of a program's pins when the gatekeeper goes away and comes back."""

    def test_inputs_go_on_and_outputs_wait_for_the_next_wish(self) -> None:
        daemon = Daemon(RAW, {})
        self.addCleanup(daemon.clear)
        factory = GatekeeperFactory(daemon.url())
        self.addCleanup(factory.close)
        led, lamp = LED(17, pin_factory=factory), PWMLED(18, pin_factory=factory)
        button, told = Button(4, pin_factory=factory), Events()
        led.on()
        lamp.value = 0.5
        button.when_pressed = lambda: told(None)
        states, lost = factory.gate.core.states, Events()
        factory.gate.when_disconnected = lost
        daemon.kill()
        lost.next()
        for attempt in (led.on, lambda: led.value):
            with self.assertRaises(NotSent):
                attempt()
        daemon.start()
        # Nobody repeats what was written; the button is one again.
        again = states.wait("gpio4", lambda state: state.fields.get("pull") == "up" and state.seq == 2, PATIENCE * 3)
        self.assertIsNotNone(again)
        self.assertEqual((factory.gate.read("gpio17").state, led.value, lamp.value), ("unused", 0, 0))
        factory.gate.do("gpio4", "deactivate")
        told.next()
        led.on()
        lamp.value = 0.25
        self.assertEqual((led.value, lamp.value, lamp.frequency), (1, 0.25, 100))
        self.assertEqual(factory.gate.read("gpio18").fields["frequency"], "100")


if __name__ == "__main__":
    unittest.main()
