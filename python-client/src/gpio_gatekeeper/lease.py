"""The sole right to write devices, renewed by the connection's thread as long as it is wanted."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from types import TracebackType
from typing import Callable, List, Optional, Tuple, Type

from . import commands
from .connection import Connection, Timer
from .errors import GatekeeperError, NoLease
from .state import seconds
from .transport import Fields

_log = logging.getLogger(__name__)

RENEWALS = 3
"""A lease is renewed so many times in its duration."""


class Holding:
    """A lease and its renewals.  What is not said otherwise belongs to the connection's thread."""

    def __init__(self, connection: Connection, granted: Fields, good_from: float) -> None:
        self.token = int(granted["TOKEN"])
        self.devices: Tuple[str, ...] = tuple(commands.names(granted.get("DEVICES", "")))
        self.ttl = seconds(granted["TTL"])
        # Set once, read on every thread.
        self.lost = threading.Event()
        self.cause: Optional[str] = None
        # Called when it is lost, on the connection's thread.
        self.on_lost: List[Callable[[], object]] = []
        self._connection = connection
        self._good_until = good_from + self.ttl
        self._renewal: Optional[Timer] = None
        self._expiry: Optional[Timer] = None
        self._is_over = False

    def covers(self, device: str) -> bool:
        """Whether it is on this device.  From any thread."""
        return commands.ALL in self.devices or device in self.devices

    def begin(self) -> None:
        """Begins to renew."""
        self._watch_expiry()
        self._renewal = self._connection.later(self.ttl / RENEWALS, self.renew)

    def renew(self) -> None:
        """Renews it now, and again later."""
        if self._is_over:
            return
        if self._renewal is not None:
            self._renewal.cancel()
        self._renewal = self._connection.later(self.ttl / RENEWALS, self.renew)
        if self._connection.is_online:
            asked = time.monotonic()
            answer = self._connection.call(commands.of_token("RENEW", self.token), self.ttl)
            answer.add_done_callback(lambda done: self._renewed(done, asked))

    def _renewed(self, done: Future[Fields], asked: float) -> None:
        error = done.exception()
        if error is None:
            # It counts from when the gatekeeper read this, which was not before it was asked.
            self._good_until = max(self._good_until, asked + self.ttl)
            self._watch_expiry()
        elif isinstance(error, NoLease):
            self.lose("EXPIRED")
        else:
            _log.info("the lease %d was not renewed: %s", self.token, error)

    def _watch_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        # Nobody may have heard of us for so long: then others may write already.
        self._expiry = self._connection.later(self._good_until - time.monotonic(), lambda: self.lose("EXPIRED"))

    def lose(self, cause: str) -> None:
        """It is over, against the will of its holder."""
        if not self._is_over:
            self.stop()
            self.cause = cause
            self.lost.set()
            for told in list(self.on_lost):
                told()

    def stop(self) -> None:
        """Renews no more."""
        self._is_over = True
        for timer in (self._renewal, self._expiry):
            if timer is not None:
                timer.cancel()


class Lease:
    """A lease that the program holds: writes to its devices are meant under it, until it is given back.

    When it is lost (broken, or nobody could be reached for too long) further writes raise `LeaseLost`.
    """

    def __init__(self, held: Holding, release: Callable[[], None]) -> None:
        self._held = held
        self._release = release

    @property
    def token(self) -> int:
        """The number of this lease, which rises with every lease."""
        return self._held.token

    @property
    def devices(self) -> Tuple[str, ...]:
        """The devices that it is on; `*` is all of them."""
        return self._held.devices

    @property
    def seconds(self) -> float:
        """How long it lasts without a renewal."""
        return self._held.ttl

    @property
    def lost(self) -> threading.Event:
        """Is set when it has ended against the program's will."""
        return self._held.lost

    @property
    def cause(self) -> Optional[str]:
        """Why it was lost: `EXPIRED`, `DISCONNECTED` or `BROKEN`, the latter with by whom and what for."""
        return self._held.cause

    def release(self) -> None:
        """Gives it back; may be called twice.  The devices stay as they are."""
        try:
            self._release()
        except GatekeeperError as error:
            # It is not renewed any more, so it ends by itself.
            _log.info("the lease %d was not given back: %s", self.token, error)

    close = release

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.release()
