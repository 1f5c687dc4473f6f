"""Reads the golden files of the line protocol; `tests/golden/line/README.md` of the project describes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Tuple

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "golden" / "line"
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\"}


@dataclass
class Case:
    """One case of a golden file."""

    name: str
    maximum: int = 4096
    bytes: bytes = b""
    fields: Dict[str, str] = field(default_factory=dict)
    identifier: Optional[str] = None
    items: List[Tuple[str, bytes]] = field(default_factory=list)


def cases(name: str) -> List[Case]:
    """The cases of a file."""
    found: List[Case] = []
    # Only line feeds end a line here.
    for line in (FOLDER / name).read_text(encoding="utf-8").split("\n"):
        if not line or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        first, _, second = rest.partition(" ")
        if word == "case":
            found.append(Case(rest))
        elif word == "maximum":
            found[-1].maximum = int(rest)
        elif word == "bytes":
            found[-1].bytes += _unescaped(rest)
        elif word == "field":
            found[-1].fields[first] = _unescaped(second).decode()
        elif word == "id":
            found[-1].identifier = _unescaped(rest).decode()
        elif word == "item":
            found[-1].items.append((first, _unescaped(second)))
        else:
            raise ValueError(f"{name}: no line begins with {word!r}")
    return found


def _unescaped(text: str) -> bytes:
    def plain(escape: re.Match[bytes]) -> bytes:
        word = escape.group(1)
        return bytes([int(word[1:], 16)]) if word.startswith(b"x") else _ESCAPES[word]

    return re.sub(rb"\\(x[0-9A-F]{2}|.)", plain, text.encode())
