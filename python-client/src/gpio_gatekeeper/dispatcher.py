"""One thread that runs the user's callbacks, so that they may call the gatekeeper and wait for its answers."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Callable, Deque

_log = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""So many callbacks wait behind one that does not come back; then the oldest is dropped, and counted."""


class Dispatcher:
    """Runs callbacks in their order, one at a time.  Its thread begins with the first."""

    def __init__(self, name: str) -> None:
        self._waiting: Deque[Callable[[], object]] = deque()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"gatekeeper-callbacks-{name}", daemon=True)
        self._is_closed = False
        self.dropped = 0
        """How many callbacks were dropped because others did not come back."""

    def put(self, callback: Callable[[], object]) -> None:
        """Has something run, after what was put before."""
        with self._changed:
            if self._is_closed:
                return
            if len(self._waiting) >= MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(callback)
            self._changed.notify()
            if self._thread.ident is None:
                self._thread.start()

    def close(self) -> None:
        """Runs nothing more; may be called twice.  A callback that runs at this moment is not waited for."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if self._is_closed:
                    return
                callback = self._waiting.popleft()
            try:
                callback()
            except Exception:
                _log.exception("a callback has failed")
