"""What all devices have: a name, a state that follows the hardware, and callbacks."""

from __future__ import annotations

import inspect
import threading
from types import TracebackType
from typing import Callable, ClassVar, FrozenSet, Iterator, Optional, Type, TypeVar

from ..commands import Description
from ..default import default_gate
from ..errors import DeviceFault, WrongKind
from ..gate import Gate
from ..state import State

Callback = Callable[..., object]
Self = TypeVar("Self", bound="Device")


class Device:
    """A device of the gatekeeper, by the name that it has in the configuration; of any kind."""

    kinds: ClassVar[FrozenSet[str]] = frozenset()
    """The kinds that this class is for; none means all."""

    def __init__(self, name: str, *, gate: Optional[Gate] = None) -> None:
        self._gate = default_gate() if gate is None else gate
        self._description = self._gate.describe(name)
        if self.kinds and self._description.kind not in self.kinds:
            wanted = " or ".join(sorted(self.kinds))
            raise WrongKind(f"{name} is a {self._description.kind}; {type(self).__name__} is for {wanted}")
        self._name = name
        self._when_changed: Optional[Callback] = None
        self._closing = threading.Lock()
        self._is_closed = False
        core = self._gate.core
        core.states.watch(name, self._changed)
        try:
            core.subscribe("DEVICE", name).result()
            core.states.first(name, self._gate.timeout)
        except BaseException:
            core.states.unwatch(name, self._changed)
            raise

    def close(self) -> None:
        """Follows the device no more; may be called twice.  The device itself stays as it is."""
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
        self._gate.core.states.unwatch(self._name, self._changed)
        self._gate.core.unsubscribe("DEVICE", self._name)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name}: {self.state.state}>"

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    @property
    def kind(self) -> str:
        """Its kind, such as `led`."""
        return self._description.kind

    @property
    def gate(self) -> Gate:
        """Where it is used through."""
        return self._gate

    @property
    def description(self) -> Description:
        """What it is and can do."""
        return self._description

    @property
    def state(self) -> State:
        """How it is, as far as was told; asks nobody."""
        return self._gate.core.states.first(self._name, self._gate.timeout)

    def read(self) -> State:
        """Reads it from its hardware, now."""
        return self._gate.read(self._name)

    def _number(self) -> float:
        state = self.state
        if state.value is None:
            raise DeviceFault(state.error or f"{self._name} is {state.state}")
        return state.value

    @property
    def is_active(self) -> bool:
        """Whether its value is another one than 0."""
        return self._number() != 0

    @property
    def when_changed(self) -> Optional[Callback]:
        """Is called with every new state, as `callback(state)`."""
        return self._when_changed

    @when_changed.setter
    def when_changed(self, callback: Optional[Callback]) -> None:
        self._when_changed = callback

    def _do(self, action: str, **parameters: object) -> State:
        return self._gate.carry_out(self._name, action, parameters)

    def _changed(self, before: Optional[State], now: State) -> None:
        """On the connection's thread."""
        if before is not None:
            self._tell(before, now)

    def _tell(self, before: State, now: State) -> None:
        """Has called what is to be called for a change, on the thread of the callbacks."""
        callback = self._when_changed
        if callback is not None:
            self._dispatch(lambda: callback(now))

    def _call(self, callback: Optional[Callback]) -> None:
        """Has called back with this device, or with nothing where the callback takes nothing."""
        if callback is not None:
            self._dispatch(lambda: callback(self) if _takes_one(callback) else callback())

    def _dispatch(self, callback: Callable[[], object]) -> None:
        self._gate.core.dispatcher.put(lambda: None if self._is_closed else callback())

    def _wait(self, wanted: Callable[[State], bool], timeout: Optional[float]) -> bool:
        return self._gate.core.states.wait(self._name, wanted, timeout) is not None


class NumberDevice(Device):
    """A device whose value is a number."""

    @property
    def value(self) -> float:
        """Its value; `DeviceFault` where it is not known."""
        return self._number()

    @property
    def values(self) -> Iterator[float]:
        """Its value, again and again, for ever: for the `source` of another device."""
        while not self._is_closed:
            yield self.value


def _takes_one(callback: Callback) -> bool:
    """Whether a callback has to be given something."""
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)
