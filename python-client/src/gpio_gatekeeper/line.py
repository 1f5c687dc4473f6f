"""The line protocol over a socket, plain or in TLS, by the standard library alone."""

from __future__ import annotations

import socket
import ssl
import time
from collections import deque
from typing import Deque, Dict, List, Optional, Tuple

from .errors import ConnectFailed, ConnectionLost, GatekeeperError, Refusal, TooSlow, refusal
from .frame import MalformedFrame, Splitter, Whole, decode, encode
from .settings import Settings
from .state import duration, seconds
from .transport import Answer, Ended, Event, Fields, Incoming

KEEPALIVE = 5.0
"""How long, in seconds, this side may be silent until the gatekeeper asks whether it is there."""
PATIENCE = 2.5
"""After so many keepalives in which the gatekeeper said nothing it is taken for lost."""
CHUNK = 16384

# Its replies are looked at by nobody.
_INTERNAL = "-"


class LineTransport:
    """One connection of the line protocol."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._socket: Optional[socket.socket] = None
        self._splitter = Splitter(maximum=65536)
        # Frames that have not begun to leave, each with its number; and the bytes that have.
        self._outbox: Deque[Tuple[str, bytes]] = deque()
        self._leaving = b""
        # Why the gatekeeper closes, told after everything that came before.
        self._end: Optional[Ended] = None
        # Commands that wait for their replies, in order: a reply without an ID is that to the first.
        self._asked: Dict[str, Optional[float]] = {}
        self._keepalive = KEEPALIVE
        self._heard = 0.0

    def open(self) -> Fields:
        settings = self._settings
        end = time.monotonic() + settings.timeout
        context = settings.tls() if settings.is_tls else None
        try:
            plain = socket.create_connection((settings.host, settings.port), settings.timeout)
            self._socket = plain
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(max(end - time.monotonic(), 0.001))
            if context is not None:
                self._socket = context.wrap_socket(plain, server_hostname=settings.host)
            greeting = self._greet(end)
            self._socket.setblocking(False)
        except GatekeeperError:
            self.close()
            raise
        except (OSError, ValueError) as error:
            self.close()
            raise ConnectFailed(f"{settings.url} can't be reached: {error}") from error
        self._heard = time.monotonic()
        return greeting

    def _greet(self, end: float) -> Fields:
        """Signs in, where there is something to sign in with, and takes the client id."""
        settings = self._settings
        sign_in: Dict[str, str] = {}
        if settings.token is not None:
            sign_in = {"COMMAND": "AUTH", "TOKEN": settings.token}
        elif settings.password is not None:
            sign_in = {"COMMAND": "AUTH", "USER": settings.user or "", "PASSWORD": settings.password}
        if sign_in:
            # First, because a client id belongs to the user who takes it.
            self._ask(sign_in, end)
        greeting = self._ask({"COMMAND": "HELLO", "CLIENT": settings.client, "KEEPALIVE": duration(KEEPALIVE)}, end)
        if greeting.get("SERVER") is None:
            raise ConnectFailed(f"{settings.url} is no gatekeeper")
        self._keepalive = seconds(greeting.get("KEEPALIVE", duration(KEEPALIVE)))
        return greeting

    def _ask(self, command: Dict[str, str], end: float) -> Fields:
        assert self._socket is not None
        self._socket.sendall(encode(command) + b"\n")
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise ConnectFailed(f"{self._settings.url} does not answer")
            self._socket.settimeout(left)
            data = self._socket.recv(CHUNK)
            if not data:
                raise ConnectFailed(f"{self._settings.url} has closed the connection")
            for fields in self._frames(data):
                if "REPLY" in fields:
                    if fields["REPLY"] == "OK":
                        return fields
                    raise _refused(fields)
                if fields.get("EVENT") == "CLOSING":
                    raise _refused(fields)

    def fileno(self) -> int:
        return -1 if self._socket is None else self._socket.fileno()

    def wants_write(self) -> bool:
        return bool(self._outbox or self._leaving)

    def send(self, number: int, command: Fields) -> None:
        identifier = str(number)
        first, *others = command.items()
        self._outbox.append((identifier, encode(dict([first, ("ID", identifier), *others])) + b"\n"))
        wait = command.get("WAIT")
        self._asked[identifier] = None if wait is None else time.monotonic() + seconds(wait)

    def withdraw(self, number: int) -> bool:
        identifier = str(number)
        for at, (other, _) in enumerate(self._outbox):
            if other == identifier:
                del self._outbox[at]
                self._asked.pop(identifier, None)
                return True
        return False

    def exchange(self) -> List[Incoming]:
        try:
            incoming: List[Incoming] = []
            if self._end is None:
                self._write()
                self._read(incoming)
                self._write()
        except (OSError, ValueError) as error:
            self._end = Ended(ConnectionLost(f"the connection to {self._settings.url} was lost: {error}"))
        if not incoming:
            if self._end is not None:
                raise self._end
            if time.monotonic() >= self.deadline():
                raise Ended(TooSlow(f"nothing was heard of {self._settings.url} any more"))
        return incoming

    def deadline(self) -> float:
        if self._end is not None:
            return 0.0
        quiet = self._heard + PATIENCE * self._keepalive
        # Replies keep their order: while a lease is waited for, none comes.
        return max([quiet, *(wait + self._keepalive for wait in self._asked.values() if wait is not None)])

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _write(self) -> None:
        assert self._socket is not None
        while True:
            while self._outbox and len(self._leaving) < CHUNK:
                self._leaving += self._outbox.popleft()[1]
            if not self._leaving:
                return
            try:
                self._leaving = self._leaving[self._socket.send(self._leaving) :]
            except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return

    def _read(self, incoming: List[Incoming]) -> None:
        assert self._socket is not None
        while self._end is None:
            try:
                data = self._socket.recv(CHUNK)
            except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            if not data:
                raise ConnectionResetError("it was closed")
            self._heard = time.monotonic()
            for fields in self._frames(data):
                self._take(fields, incoming)

    def _take(self, fields: Fields, incoming: List[Incoming]) -> None:
        if fields.get("COMMAND") == "HELLO":
            self._outbox.append((_INTERNAL, encode({"COMMAND": "HELLO!", "ID": _INTERNAL}) + b"\n"))
        elif "REPLY" in fields:
            identifier = fields.get("ID", next(iter(self._asked), _INTERNAL))
            if identifier in self._asked:
                del self._asked[identifier]
                if "KEEPALIVE" in fields:
                    self._keepalive = seconds(fields["KEEPALIVE"])
                incoming.append(Answer(int(identifier), fields if fields["REPLY"] == "OK" else _refused(fields)))
        elif fields.get("EVENT") == "CLOSING":
            self._end = Ended(_refused(fields))
        elif "EVENT" in fields:
            incoming.append(Event(fields))

    def _frames(self, data: bytes) -> List[Dict[str, str]]:
        frames = []
        for item in self._splitter.feed(data):
            if isinstance(item, Whole):
                try:
                    frames.append(decode(item.bytes))
                except MalformedFrame as error:
                    raise ValueError(f"what came is no frame: {error}") from error
        return frames


def _refused(fields: Fields) -> Refusal:
    return refusal(fields.get("CODE", ""), fields.get("MESSAGE", ""))
