"""The gate of programs that name none: made from the environment when it is first needed."""

from __future__ import annotations

import threading
from typing import Optional

from .gate import Gate, connect

_lock = threading.Lock()
_gate: Optional[Gate] = None


def default_gate() -> Gate:
    """The gate that devices use which were given none."""
    global _gate
    with _lock:
        if _gate is None:
            _gate = connect()
        return _gate


def set_default_gate(gate: Optional[Gate]) -> None:
    """Has devices use this gate; with None another one is made from the environment when it is needed."""
    global _gate
    with _lock:
        _gate = gate
