"""What can be switched or dimmed.  What goes on for a while, such as blinking, the gatekeeper does itself."""

from __future__ import annotations

from typing import ClassVar, FrozenSet, Iterator, Optional, Sequence, Tuple, Union

from ..state import Number, State, duration, written
from .base import Device, NumberDevice
from .source import SourceDevice, number


class SwitchedDevice(Device):
    """A device that can be switched."""

    def on(self) -> State:
        """Switches it on, as far as it goes."""
        return self._do("on")

    def off(self) -> State:
        """Switches it off."""
        return self._do("off")


class ToggledDevice(SwitchedDevice):
    """A device that can be switched to what it is not."""

    def toggle(self) -> State:
        """Inverts it."""
        return self._do("toggle")


class SettableDevice(NumberDevice, SourceDevice):
    """A device that can be set to a number."""

    @property
    def value(self) -> float:
        """Its value; setting it sets the device, and returns when that is done."""
        return self._number()

    @value.setter
    def value(self, value: Number) -> None:
        self.set(value)

    def set(self, value: Number) -> State:
        """Gives it a value."""
        return self._do("set", value=number(value))

    def sequence(self, steps: Sequence[Tuple[Number, Number]], n: int = 1) -> State:
        """Takes one value after the other, each a pair with its seconds, `n` times: in the gatekeeper's own time."""
        pairs = ",".join(f"{written(float(value))}:{duration(seconds)}" for value, seconds in steps)
        return self._do("sequence", steps=pairs, n=n)

    def _set_from_source(self, value: object) -> None:
        self.set(number(value))

    def _wait_until_done(self, begun: State, mark: str) -> None:
        """Waits until something that the gatekeeper does for a while is over."""
        self._wait(lambda state: state.seq >= begun.seq and mark not in state.fields, None)


class OutputDevice(ToggledDevice, SettableDevice):
    """Something that is on or off."""

    kinds: ClassVar[FrozenSet[str]] = frozenset({"output", "relay", "led"})

    def blink(
        self, on_time: Number = 1, off_time: Number = 1, n: Optional[int] = None, background: bool = True
    ) -> State:
        """Goes on and off, `n` times or for ever, for so many seconds; not in the background it waits for the end."""
        _check_end(n, background)
        begun = self._do("blink", on_time=duration(on_time), off_time=duration(off_time), n=n)
        if not background:
            self._wait_until_done(begun, "blinking")
        return begun


class Relay(OutputDevice):
    """A relay."""

    kinds = frozenset({"relay"})


class LED(OutputDevice):
    """A light that is on or off."""

    kinds = frozenset({"led"})

    @property
    def is_lit(self) -> bool:
        """Whether it is on."""
        return self.is_active


class PWMOutputDevice(OutputDevice):
    """Something with a value from 0 to 1."""

    kinds = frozenset({"pwm", "pwm_led"})

    def pulse(
        self, fade_in_time: Number = 1, fade_out_time: Number = 1, n: Optional[int] = None, background: bool = True
    ) -> State:
        """Blinks with soft edges, of so many seconds."""
        _check_end(n, background)
        begun = self._do("pulse", fade_in_time=duration(fade_in_time), fade_out_time=duration(fade_out_time), n=n)
        if not background:
            self._wait_until_done(begun, "pulsing")
        return begun


class PWMLED(PWMOutputDevice):
    """A light with a brightness from 0 to 1."""

    kinds = frozenset({"pwm_led"})

    @property
    def is_lit(self) -> bool:
        """Whether it is on, however little."""
        return self.is_active


Color = Tuple[float, float, float]


class RGBLED(ToggledDevice, SourceDevice):
    """A light with a colour, which it remembers while it is off.  Its value: red, green and blue, each from 0 to 1."""

    kinds = frozenset({"rgb_led"})

    @property
    def value(self) -> Color:
        """Its colour; setting it sets the light, to a colour or to a text such as `#ff8000`."""
        red, green, blue = (float(part) for part in self.state.fields["rgb"].split(","))
        return red, green, blue

    @value.setter
    def value(self, color: Union[Color, str]) -> None:
        self.set(color)

    color = value

    @property
    def values(self) -> Iterator[Color]:
        """Its colour, again and again, for ever."""
        while not self.closed:
            yield self.value

    @property
    def is_lit(self) -> bool:
        """Whether it is on, however little."""
        return self.is_active

    def set(self, color: Union[Color, str]) -> State:
        """Gives it a colour."""
        return self._do("set", value=color if isinstance(color, str) else [float(part) for part in color])

    def brightness(self, value: Number) -> State:
        """Makes it brighter or darker, from 0 to 1, in the colour that it has."""
        return self._do("set", value=float(value))

    def blink(self, on_time: Number = 1, off_time: Number = 1, n: Optional[int] = None) -> State:
        """Goes on and off, `n` times or for ever, for so many seconds."""
        return self._do("blink", on_time=duration(on_time), off_time=duration(off_time), n=n)

    def pulse(self, fade_in_time: Number = 1, fade_out_time: Number = 1, n: Optional[int] = None) -> State:
        """Blinks with soft edges, of so many seconds."""
        return self._do("pulse", fade_in_time=duration(fade_in_time), fade_out_time=duration(fade_out_time), n=n)

    def _set_from_source(self, value: object) -> None:
        if isinstance(value, str):
            self.set(value)
        elif isinstance(value, (tuple, list)) and len(value) == 3:
            self.set((value[0], value[1], value[2]))
        else:
            self.brightness(number(value))


class Buzzer(OutputDevice):
    """Something that beeps."""

    kinds = frozenset({"buzzer"})

    def beep(
        self, on_time: Number = 1, off_time: Number = 1, n: Optional[int] = None, background: bool = True
    ) -> State:
        """Beeps, `n` times or for ever, for so many seconds."""
        return self.blink(on_time, off_time, n, background)

    def play(self, tone: Union[Number, str], seconds: Optional[Number] = None) -> State:
        """Plays a tone, in Hz or a note such as `A4`, where it is on a PWM channel."""
        return self._do("play", tone=tone, duration=None if seconds is None else duration(seconds))


class Fan(ToggledDevice, SettableDevice):
    """A fan with a speed from 0 to 1."""

    kinds = frozenset({"fan"})

    @property
    def rpm(self) -> Optional[float]:
        """Revolutions per minute, where it has a tachometer."""
        return self.state.number("rpm")

    @property
    def is_stalled(self) -> bool:
        """Whether it has power and does not turn."""
        return self.state.state == "stalled"


class Heater(SwitchedDevice, SettableDevice):
    """A heater that is on for a part of its period, from 0 to 1."""

    kinds = frozenset({"heater"})

    @property
    def is_heating(self) -> bool:
        """Whether it has power at this moment."""
        return bool(self.state.number("heating"))


class DigitalGroup(ToggledDevice, SettableDevice):
    """Several lines as one number, whose lowest bit is the first line."""

    kinds = frozenset({"digital_group"})


def _check_end(n: Optional[int], background: bool) -> None:
    if n is None and not background:
        raise ValueError("what goes on for ever has no end to wait for")
