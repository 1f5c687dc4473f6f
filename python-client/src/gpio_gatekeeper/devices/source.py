"""Outputs that take their values from somewhere: another device, or anything that can be iterated over."""

from __future__ import annotations

import logging
import queue
import threading
from typing import Callable, Iterable, Optional, Union

from ..errors import Closed, GatekeeperError
from ..state import State
from .base import Device

_log = logging.getLogger(__name__)

Values = Union[Device, Iterable[object]]


class Source:
    """A thread that sets values until it is stopped.  What is the same as before is not set again."""

    def __init__(
        self, device: Device, values: Values, delay: Callable[[], float], set_value: Callable[[object], None]
    ) -> None:
        self.values = values
        self._delay = delay
        self._patience = device.gate.timeout
        self._set = set_value
        self._stopped = threading.Event()
        self._changes: queue.SimpleQueue[Optional[State]] = queue.SimpleQueue()
        run = self._follow if isinstance(values, Device) else self._iterate
        self._last: object = None
        self._thread = threading.Thread(target=run, name=f"gatekeeper-source-{device.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Sets nothing more; what is under way is waited for, as long as a call may take."""
        self._stopped.set()
        self._changes.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join(self._patience)

    def _follow(self) -> None:
        """Sets what another device is, whenever that changes."""
        other = self.values
        assert isinstance(other, Device)

        def watcher(_: Optional[State], now: State) -> None:
            self._changes.put(now)

        states = other.gate.core.states
        states.watch(other.name, watcher)
        try:
            state: Optional[State] = other.state
            while state is not None and not self._stopped.is_set():
                if state.value is not None:
                    self._take(state.value)
                state = self._changes.get()
        finally:
            states.unwatch(other.name, watcher)

    def _iterate(self) -> None:
        assert not isinstance(self.values, Device)
        try:
            for value in self.values:
                if self._stopped.is_set():
                    return
                self._take(value)
                if self._stopped.wait(self._delay()):
                    return
        except Exception:
            _log.exception("the values of a source have failed")

    def _take(self, value: object) -> None:
        if value == self._last:
            return
        try:
            self._set(value)
            self._last = value
        except Closed:
            self._stopped.set()
        except (GatekeeperError, ValueError, TypeError) as error:
            # The next value may be taken again.
            _log.warning("a value of a source was not taken: %s", error)


class SourceDevice(Device):
    """A device that can have a source."""

    _source: Optional[Source] = None
    _source_delay = 0.01

    @property
    def source(self) -> Optional[Values]:
        """Where the values come from: a device, which is followed at once, or something to iterate over."""
        return None if self._source is None else self._source.values

    @source.setter
    def source(self, values: Optional[Values]) -> None:
        if self._source is not None:
            self._source.stop()
            self._source = None
        if values is not None:
            self._source = Source(self, values, lambda: self._source_delay, self._set_from_source)

    @property
    def source_delay(self) -> float:
        """Seconds between two values of a source that is no device; 0.01 at first."""
        return self._source_delay

    @source_delay.setter
    def source_delay(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("the delay of a source is not negative")
        self._source_delay = seconds

    def _set_from_source(self, value: object) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.source = None
        super().close()


def number(value: object) -> float:
    """A value for an output; `TypeError` and `ValueError` where it is no number."""
    if isinstance(value, (bool, int, float)):
        return float(value)
    raise TypeError(f"{value!r} is no number")
