"""What moves.  It stops when the connection ends that drove it, unless its configuration says otherwise."""

from __future__ import annotations

from typing import ClassVar, FrozenSet, Optional

from ..state import Number, State
from .outputs import SettableDevice


class Motor(SettableDevice):
    """A motor with two directions: its value is from -1 (backward) to 1 (forward)."""

    kinds: ClassVar[FrozenSet[str]] = frozenset({"motor"})

    def forward(self, speed: Number = 1) -> State:
        """Drives it forward, with a speed from 0 to 1."""
        return self._do("forward", speed=float(speed))

    def backward(self, speed: Number = 1) -> State:
        """Drives it backward, with a speed from 0 to 1."""
        return self._do("backward", speed=float(speed))

    def reverse(self) -> State:
        """The other direction with the same speed; nothing where it is stopped."""
        return self._do("reverse")

    def stop(self) -> State:
        """Stops it."""
        return self._do("stop")


class Servo(SettableDevice):
    """A servo: its value is from -1 to 1."""

    kinds = frozenset({"servo"})

    def min(self) -> State:
        """Moves it to -1."""
        return self._do("min")

    def mid(self) -> State:
        """Moves it to 0."""
        return self._do("mid")

    def max(self) -> State:
        """Moves it to 1."""
        return self._do("max")

    def detach(self) -> State:
        """Lets it go: nothing holds it any more."""
        return self._do("detach")

    @property
    def is_active(self) -> bool:
        """Whether it holds its position."""
        return self.state.state == "holding"

    @property
    def angle(self) -> Optional[float]:
        """Where it is, in degrees; setting it moves the servo, and None lets it go.  None where it is let go."""
        return self.state.number("angle") if self.is_active else None

    @angle.setter
    def angle(self, degrees: Optional[Number]) -> None:
        if degrees is None:
            self.detach()
        else:
            self._do("angle", angle=float(degrees))


class Cover(SettableDevice):
    """A shutter or gate: its value is how far it is open, from 0 to 100.

    `close` is about this object, as everywhere: the cover itself is closed with `shut`.
    """

    kinds = frozenset({"cover"})

    def open(self) -> State:
        """Opens it."""
        return self._do("open")

    def shut(self) -> State:
        """Closes it."""
        return self._do("close")

    def stop(self) -> State:
        """Stops it where it is."""
        return self._do("stop")

    @property
    def position(self) -> Optional[float]:
        """How far it is open; None where that is not known."""
        return self.state.value

    @property
    def is_obstructed(self) -> bool:
        """Whether something is in its way."""
        return "obstructed" in self.state.fields
