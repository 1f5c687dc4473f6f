"""What is read: buttons, switches, sensors for motion and lines, counters, knobs, thermometers."""

from __future__ import annotations

from typing import ClassVar, FrozenSet, Mapping, Optional

from ..state import Number, State
from .base import Callback, NumberDevice


class InputDevice(NumberDevice):
    """Something that is active or not, and tells when that changes."""

    kinds: ClassVar[FrozenSet[str]] = frozenset({"input", "button", "motion", "line"})
    _when_activated: Optional[Callback] = None
    _when_deactivated: Optional[Callback] = None
    _was_active: Optional[bool] = None

    @property
    def when_activated(self) -> Optional[Callback]:
        """Is called when it becomes active, with this device or with nothing."""
        return self._when_activated

    @when_activated.setter
    def when_activated(self, callback: Optional[Callback]) -> None:
        self._when_activated = callback

    @property
    def when_deactivated(self) -> Optional[Callback]:
        """Is called when it becomes inactive, with this device or with nothing."""
        return self._when_deactivated

    @when_deactivated.setter
    def when_deactivated(self, callback: Optional[Callback]) -> None:
        self._when_deactivated = callback

    def wait_for_active(self, timeout: Optional[float] = None) -> bool:
        """Waits until it is active, which may be now; False where it is not in time."""
        return self._wait(lambda state: bool(state.value), timeout)

    def wait_for_inactive(self, timeout: Optional[float] = None) -> bool:
        """Waits until it is inactive, which may be now; False where it is not in time."""
        return self._wait(lambda state: state.value == 0, timeout)

    def activate(self) -> State:
        """Makes a simulated one active."""
        return self._do("activate")

    def deactivate(self) -> State:
        """Makes a simulated one inactive."""
        return self._do("deactivate")

    def _tell(self, before: State, now: State) -> None:
        super()._tell(before, now)
        if before.value is not None:
            self._was_active = bool(before.value)
        # What it was before a fault counts, not the fault.
        if now.value is not None and self._was_active is not None and bool(now.value) != self._was_active:
            self._call(self._when_activated if now.value else self._when_deactivated)


class Button(InputDevice):
    """A push button."""

    kinds = frozenset({"button"})
    _when_held: Optional[Callback] = None

    when_pressed = InputDevice.when_activated
    when_released = InputDevice.when_deactivated

    @property
    def when_held(self) -> Optional[Callback]:
        """Is called when it has been pressed for its hold time, and again where its configuration repeats that."""
        return self._when_held

    @when_held.setter
    def when_held(self, callback: Optional[Callback]) -> None:
        self._when_held = callback

    @property
    def is_pressed(self) -> bool:
        """Whether it is pressed."""
        return self.is_active

    @property
    def is_held(self) -> bool:
        """Whether it has been pressed for its hold time."""
        return self.state.state == "held"

    def wait_for_press(self, timeout: Optional[float] = None) -> bool:
        """Waits until it is pressed, which may be now; False where it is not in time."""
        return self.wait_for_active(timeout)

    def wait_for_release(self, timeout: Optional[float] = None) -> bool:
        """Waits until it is released, which may be now; False where it is not in time."""
        return self.wait_for_inactive(timeout)

    def press(self) -> State:
        """Presses a simulated one."""
        return self._do("press")

    def release(self) -> State:
        """Releases a simulated one."""
        return self._do("release")

    def _tell(self, before: State, now: State) -> None:
        super()._tell(before, now)
        if now.state == "held" and (before.state != "held" or before.fields.get("holds") != now.fields.get("holds")):
            self._call(self._when_held)


class MotionSensor(InputDevice):
    """A sensor for motion."""

    kinds = frozenset({"motion"})
    when_motion = InputDevice.when_activated
    when_no_motion = InputDevice.when_deactivated
    wait_for_motion = InputDevice.wait_for_active
    wait_for_no_motion = InputDevice.wait_for_inactive

    @property
    def motion_detected(self) -> bool:
        """Whether something moves."""
        return self.is_active


class LineSensor(InputDevice):
    """A sensor for a line on the floor: its value is 1 over the line (gpiozero has it the other way round)."""

    kinds = frozenset({"line"})
    when_line = InputDevice.when_activated
    when_no_line = InputDevice.when_deactivated
    wait_for_line = InputDevice.wait_for_active
    wait_for_no_line = InputDevice.wait_for_inactive

    @property
    def line_detected(self) -> bool:
        """Whether it is over the line."""
        return self.is_active


class Counter(NumberDevice):
    """Counts edges: its value is how many come in a second."""

    kinds = frozenset({"counter"})

    @property
    def total(self) -> int:
        """Edges since the start of the gatekeeper or the last reset."""
        return int(self.state.number("total") or 0)

    @property
    def lost(self) -> int:
        """How often edges may have been lost that are not in the total."""
        return int(self.state.number("lost") or 0)

    def reset(self) -> State:
        """Counts from 0."""
        return self._do("reset")

    def pulse(self, n: int = 1) -> State:
        """Gives a simulated one pulses."""
        return self._do("pulse", n=n)


class RotaryEncoder(NumberDevice):
    """A knob that counts steps, clockwise up; some can be pressed."""

    kinds = frozenset({"rotary_encoder"})
    when_rotated: Optional[Callback] = None
    """Is called when it is turned, with this device or with nothing."""
    when_rotated_clockwise: Optional[Callback] = None
    """Is called when it is turned clockwise."""
    when_rotated_counter_clockwise: Optional[Callback] = None
    """Is called when it is turned counter-clockwise."""
    when_pressed: Optional[Callback] = None
    """Is called when it is pressed, where it has a button."""
    when_released: Optional[Callback] = None
    """Is called when it is released."""

    @property
    def steps(self) -> int:
        """Steps clockwise since the start of the gatekeeper or the last reset."""
        return _steps(self.state)

    @property
    def is_pressed(self) -> bool:
        """Whether it is pressed."""
        return bool(self.state.number("pressed"))

    def wait_for_rotate(self, timeout: Optional[float] = None) -> bool:
        """Waits until it is turned; False where it is not in time."""
        now = self.steps
        return self._wait(lambda state: _steps(state) != now, timeout)

    def reset(self) -> State:
        """Counts from 0."""
        return self._do("reset")

    def rotate(self, steps: int = 1) -> State:
        """Turns a simulated one, clockwise."""
        return self._do("rotate", steps=steps)

    def _tell(self, before: State, now: State) -> None:
        super()._tell(before, now)
        turned = _steps(now) - _steps(before)
        # A reset is no turn.
        if turned and now.state in ("clockwise", "counter_clockwise"):
            self._call(self.when_rotated)
            self._call(self.when_rotated_clockwise if turned > 0 else self.when_rotated_counter_clockwise)
        pressed = now.number("pressed")
        if pressed is not None and pressed != before.number("pressed"):
            self._call(self.when_pressed if pressed else self.when_released)


def _steps(state: State) -> int:
    return int(state.number("steps") or 0)


class Sensor(NumberDevice):
    """A sensor on a bus, whose value is what it read last."""

    kinds = frozenset("aht10 aht20 tmp102 emc2101 ads1115 pt100 max31865 ds18b20 cpu_temperature simulated".split())

    @property
    def unit(self) -> Optional[str]:
        """The unit of the value."""
        return self.description.unit

    @property
    def readings(self) -> Mapping[str, float]:
        """All numbers that it has read, by their names, such as `humidity`."""
        state = self.state
        found = {name: state.number(name) for name in self.description.values}
        return {name: number for name, number in found.items() if number is not None}

    @property
    def temperature(self) -> Optional[float]:
        """In °C, where it is a thermometer."""
        return self.state.number("temperature")

    @property
    def humidity(self) -> Optional[float]:
        """In percent, where it reads that."""
        return self.state.number("humidity")

    def simulate(self, value: Number) -> State:
        """Exposes a simulated one to a value."""
        return self._do("simulate", value=float(value))
