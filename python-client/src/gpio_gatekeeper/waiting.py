"""Waits for sockets, on systems with poll(2) and without."""

from __future__ import annotations

import select
from typing import Optional

MILLISECOND = 0.001


def wait(readable: int, socket: Optional[int], wants_write: bool, seconds: Optional[float]) -> bool:
    """Waits until `readable` can be read, or something can be done with the socket, or the time is over.

    Answers whether `readable` can be read.
    """
    if not hasattr(select, "poll"):
        sockets = [] if socket is None else [socket]
        found, _, _ = select.select([readable, *sockets], sockets if wants_write else [], [], seconds)
        return readable in found
    waiting = select.poll()
    waiting.register(readable, select.POLLIN)
    if socket is not None:
        waiting.register(socket, select.POLLIN | (select.POLLOUT if wants_write else 0))
    # Rounded up, so that it does not wake just before the time.
    ready = waiting.poll(None if seconds is None else int(seconds / MILLISECOND) + 1)
    return any(descriptor == readable for descriptor, _ in ready)


def is_readable(socket: int) -> bool:
    """Whether something can be read at this moment."""
    if not hasattr(select, "poll"):
        return bool(select.select([socket], [], [], 0)[0])
    looking = select.poll()
    looking.register(socket, select.POLLIN)
    return bool(looking.poll(0))
