"""The newest state of each device, as far as this client was told."""

from __future__ import annotations

import threading
import time
from typing import Callable, Dict, List, Optional, Tuple

from .errors import GatekeeperError, WaitTimeout
from .state import State

Watcher = Callable[[Optional[State], State], None]
"""Gets the state before and the one now, on the connection's thread: it may not wait."""


class States:
    """Shared by the connection's thread, which learns, and all others, which look and wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._known: Dict[str, Tuple[int, State]] = {}
        self._watchers: Dict[str, List[Watcher]] = {}
        self._waiters: List[_Waiter] = []
        self._connection = 0
        self._closed: Optional[GatekeeperError] = None

    def begin_connection(self) -> None:
        """States from now on are those of another connection, where numbers may have begun anew."""
        with self._changed:
            self._connection += 1

    def take(self, state: State) -> None:
        """Learns a state, unless a newer one is known."""
        with self._changed:
            connection, before = self._known.get(state.device, (0, None))
            if before is not None and connection == self._connection and state.seq <= before.seq:
                return
            self._known[state.device] = (self._connection, state)
            watchers = list(self._watchers.get(state.device, ())) + list(self._watchers.get("*", ()))
            # Here and not where they wait, for it may have passed before they wake.
            for waiter in self._waiters:
                waiter.look(state)
            self._changed.notify_all()
        if before is None or _differ(before, state):
            for watcher in watchers:
                watcher(before, state)

    def known(self, device: str) -> Optional[State]:
        """The newest state of a device; None where nothing was told of it yet."""
        with self._changed:
            return self._known.get(device, (0, None))[1]

    def snapshot(self, device: str) -> List[State]:
        """What is known of a device, or with `*` of all of them."""
        with self._changed:
            return [state for _, state in self._known.values() if device in ("*", state.device)]

    def forget_unless(self, is_followed: Callable[[str], bool]) -> None:
        """What is known of other devices is old: nobody has been told of their changes."""
        with self._changed:
            self._known = {device: known for device, known in self._known.items() if is_followed(device)}

    def wait(self, device: str, wanted: Callable[[State], bool], timeout: Optional[float]) -> Optional[State]:
        """Waits for a state of a device, which may have passed when this returns; None where none comes in time."""
        end = None if timeout is None else time.monotonic() + timeout
        waiter = _Waiter(device, wanted)
        with self._changed:
            state = self._known.get(device, (0, None))[1]
            if state is not None:
                waiter.look(state)
            self._waiters.append(waiter)
            try:
                while waiter.found is None:
                    if self._closed is not None:
                        raise self._closed
                    left = None if end is None else end - time.monotonic()
                    if left is not None and left <= 0:
                        return None
                    self._changed.wait(left)
                return waiter.found
            finally:
                self._waiters.remove(waiter)

    def first(self, device: str, timeout: float) -> State:
        """The state of a device that was just subscribed to."""
        state = self.wait(device, lambda _: True, timeout)
        if state is None:
            raise WaitTimeout(f"nothing was told of {device} within {timeout:g} s")
        return state

    def watch(self, device: str, watcher: Watcher) -> None:
        """Has every change of a device told; `*` is all of them."""
        with self._changed:
            self._watchers.setdefault(device, []).append(watcher)

    def unwatch(self, device: str, watcher: Watcher) -> None:
        """Ends that."""
        with self._changed:
            watchers = self._watchers.get(device, [])
            if watcher in watchers:
                watchers.remove(watcher)

    def close(self, why: GatekeeperError) -> None:
        """Nothing comes any more: whoever waits hears so."""
        with self._changed:
            self._closed = why
            self._changed.notify_all()


class _Waiter:
    """Somebody who waits for a state."""

    def __init__(self, device: str, wanted: Callable[[State], bool]) -> None:
        self.found: Optional[State] = None
        self._device = device
        self._wanted = wanted

    def look(self, state: State) -> None:
        """Takes the state, if it is the first that is wanted."""
        if self.found is None and state.device == self._device and self._wanted(state):
            self.found = state


def _differ(before: State, now: State) -> bool:
    """Whether something has changed, beside that it was told on another connection."""
    return (before.value, before.state, before.seq, before.fields) != (now.value, now.state, now.seq, now.fields)
