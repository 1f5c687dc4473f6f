"""What the line protocol and MQTT have in common: commands and answers in the words of the line protocol.

A transport is one connection, from its opening to its end.  It has no thread and never waits, but for `open`: the
thread of `connection.py` owns it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Mapping, Optional, Protocol, Union

from .errors import GatekeeperError, Refusal

Fields = Mapping[str, str]
"""Fields of a command, reply or event, as protocol.md names them."""


@dataclass(frozen=True)
class Answer:
    """The reply to a command."""

    number: int
    reply: Union[Fields, Refusal]


@dataclass(frozen=True)
class Event:
    """What comes unasked: `EVENT` in the fields tells what it is."""

    fields: Fields


Incoming = Union[Answer, Event]


class Ended(Exception):
    """The connection has ended."""

    def __init__(self, why: GatekeeperError) -> None:
        super().__init__(str(why))
        self.why = why


class Transport(Protocol):
    """One connection to the gatekeeper."""

    def open(self) -> Fields:
        """Connects, signs in and introduces itself, within the timeout of the settings; answers with the greeting."""

    def fileno(self) -> int:
        """What to wait on."""

    def wants_write(self) -> bool:
        """Whether something waits until it can be written."""

    def send(self, number: int, command: Fields) -> None:
        """Takes a command to send.  `ValueError` where it can't be written."""

    def withdraw(self, number: int) -> bool:
        """Takes a command back, if nothing of it has left yet."""

    def exchange(self) -> List[Incoming]:
        """Writes and reads what can be at this moment.  `Ended` where there is nobody any more."""

    def deadline(self) -> Optional[float]:
        """When `exchange` has to be called at the latest, by the monotonic clock."""

    def close(self) -> None:
        """Ends the connection; may be called twice."""
