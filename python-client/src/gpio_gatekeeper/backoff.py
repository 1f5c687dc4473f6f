"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random

FIRST = 0.5
"""The first wait in seconds; each further one is twice as long."""
LONGEST = 30.0


class Backoff:
    """Waits that grow, each with a jitter of half of it, so that many clients do not come at once."""

    def __init__(self) -> None:
        self._next = FIRST

    def wait(self) -> float:
        """The next wait in seconds."""
        wait = self._next * random.uniform(0.5, 1.5)
        self._next = min(self._next * 2, LONGEST)
        return wait

    def reset(self) -> None:
        """Begins anew, after a connection that was greeted."""
        self._next = FIRST

    def lengthen(self) -> None:
        """Begins at the long end, where coming back soon would harm or can't help."""
        self._next = LONGEST
