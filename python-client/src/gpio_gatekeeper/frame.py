"""Frames of the line protocol: text in, bytes out, and back.  No sockets, no clocks.

Reading has two steps.  A `Splitter` finds frames in a stream, whatever pieces it comes in; `decode` then reads one of
them, or says why it is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterator, List, Mapping, Optional, Union

START = b"|START|"
MAXIMUM_FRAME = 4096
"""The longest frame in bytes, from its first to its last bar."""
MAXIMUM_FIELDS = 64

_KEY = re.compile(rb"[A-Z][A-Z0-9_]*\Z")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_BAR_OR_CONTROL = re.compile(rb"[|\x00-\x1f\x7f]")
_SPECIAL = re.compile("[|%\x00-\x1f\x7f]")


class MalformedFrame(ValueError):
    """The bytes are no frame."""

    def __init__(self, what: str, identifier: Optional[str] = None) -> None:
        super().__init__(what)
        self.identifier = identifier
        """The `ID`, where it could still be read."""


@dataclass(frozen=True)
class Whole:
    """The bytes of something that looks like a frame."""

    bytes: bytes


@dataclass(frozen=True)
class Broken:
    """A frame that was not ended, or has a control character in it."""

    identifier: Optional[str]


@dataclass(frozen=True)
class TooLong:
    """A frame that passed the maximum; the rest of it is skipped."""

    identifier: Optional[str]


@dataclass(frozen=True)
class Stray:
    """Text outside of frames."""


Item = Union[Whole, Broken, TooLong, Stray]


def encode(fields: Mapping[str, str]) -> bytes:
    """The frame with these fields, in their order.  A key that is none is a `ValueError`."""
    parts = []
    for key, value in fields.items():
        if not _KEY.match(key.encode()):
            raise ValueError(f"{key!r} is no key: a letter A-Z first, then letters, digits and '_'")
        parts.append(f"{key}={_escape(value)}")
    if not 0 < len(parts) <= MAXIMUM_FIELDS:
        raise ValueError(f"a frame has 1 to {MAXIMUM_FIELDS} fields")
    return ("|START|" + "|".join(parts) + "|END|").encode()


def decode(frame: bytes) -> dict[str, str]:
    """The fields of a frame, in their order; `MalformedFrame` where it is none."""
    try:
        return _fields(frame)
    except ValueError as error:
        raise MalformedFrame(str(error), _find_identifier(frame)) from None


def _fields(frame: bytes) -> dict[str, str]:
    if not frame.startswith(START) or not frame.endswith(b"END|"):
        raise ValueError("a frame begins with |START| and ends with |END|")
    body = frame[len(START) : -len(b"END|")]
    if not body.endswith(b"|"):
        raise ValueError("a frame has at least one field, and ends with |END|")
    fields: dict[str, str] = {}
    for field in body[:-1].split(b"|"):
        key, equals, value = field.partition(b"=")
        if not equals or not _KEY.match(key):
            raise ValueError("a field is a key in upper case, '=' and a value")
        name = key.decode()
        if name in fields:
            raise ValueError("a key stands twice in the frame")
        if len(fields) == MAXIMUM_FIELDS:
            raise ValueError(f"a frame has at most {MAXIMUM_FIELDS} fields")
        fields[name] = _unescape(value)
    return fields


def _escape(value: str) -> str:
    return _SPECIAL.sub(lambda found: f"%{ord(found.group()):02X}", value)


def _unescape(value: bytes) -> str:
    if _CONTROL.search(value):
        raise ValueError("a control character in a value is written as %XX")
    first, *others = value.split(b"%")
    plain = bytearray(first)
    for other in others:
        if not re.match(rb"[0-9A-Fa-f]{2}", other):
            raise ValueError("a % in a value is followed by two hexadecimal digits")
        plain.append(int(other[:2], 16))
        plain += other[2:]
    try:
        return plain.decode()
    except UnicodeDecodeError:
        raise ValueError("a value is not UTF-8") from None


def _find_identifier(frame: bytes) -> Optional[str]:
    for field in frame.split(b"|"):
        if field == b"END":
            break
        if field.startswith(b"ID="):
            try:
                return _unescape(field[3:])
            except ValueError:
                break
    return None


class Splitter:
    """Finds frames in a stream of bytes."""

    def __init__(self, maximum: int = MAXIMUM_FRAME) -> None:
        self._maximum = maximum
        self._buffer = bytearray()
        # Where the frame begins that is being read, or None outside of frames.
        self._field: Optional[int] = None
        self._scanned = 0
        self._stray = 0
        # What is skipped after a frame that was broken off: the rest of the line, or everything up to the next frame.
        self._skipping: Optional[str] = None

    def feed(self, data: bytes) -> List[Item]:
        """What these bytes complete, in order."""
        self._buffer += data
        return list(self._items())

    def _items(self) -> Iterator[Item]:
        while True:
            item = self._outside() if self._field is None else self._inside()
            if item is None:
                return
            yield item

    def _outside(self) -> Optional[Item]:
        """Skips what is no frame.  Returns at its end, with the beginning of a frame at the front of the buffer."""
        buffer, at = self._buffer, 0
        while at < len(buffer):
            if buffer.startswith(START, at):
                if self._stray:
                    return self._report(at, Stray())
                del buffer[:at]
                self._field = self._scanned = len(START)
                return self._inside()
            if buffer[at] == 0x7C and START.startswith(buffer[at : at + len(START)]):
                break
            byte = buffer[at]
            at += 1
            if self._skipping is not None:
                if byte == 0x0A and self._skipping == "line":
                    self._skipping = None
            elif self._stray and byte == 0x0A:
                return self._report(at, Stray())
            elif byte not in b" \t\r\n" or self._stray:
                self._stray += byte not in b" \t\r\n"
                if self._stray >= self._maximum:
                    return self._report(at, Stray())
        del buffer[:at]
        return None

    def _inside(self) -> Optional[Item]:
        buffer = self._buffer
        assert self._field is not None
        begin, field, scanned = 0, self._field, self._scanned
        while True:
            limit = begin + self._maximum
            found = _BAR_OR_CONTROL.search(buffer, scanned, min(limit, len(buffer)))
            if found is None:
                if len(buffer) >= limit:
                    identifier = _find_identifier(bytes(buffer[begin : field - 1]))
                    self._skipping = "frame"
                    return self._report(field - 1, TooLong(identifier))
                self._field, self._scanned = field - begin, len(buffer) - begin
                del buffer[:begin]
                return None
            at = found.start()
            scanned = at + 1
            word = bytes(buffer[field:at])
            if buffer[at] != 0x7C:
                self._skipping = None if buffer[at] in b"\r\n" else "line"
                return self._report(scanned, Broken(_find_identifier(bytes(buffer[begin:at]))))
            if word == b"END":
                self._skipping = None
                return self._report(scanned, Whole(bytes(buffer[begin:scanned])))
            if word == b"START":
                begin = field - 1
            field = scanned

    def _report(self, consumed: int, item: Item) -> Item:
        del self._buffer[:consumed]
        self._field = None
        self._stray = 0
        return item
