"""What the gatekeeper tells: states of devices, messages, alerts.  All of it is immutable."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Mapping, Optional, Union

Number = Union[int, float]


@dataclass(frozen=True)
class State:
    """How a device is, as its hardware says."""

    device: str
    kind: str
    value: Optional[float]
    """Its value; None where it could not be read, and then `error` says why."""
    state: str
    """What happened last, one of the kind's words, such as `on`, `pressed`, `fault`."""
    seq: int
    """Rises with every change of this device, from 1 when the gatekeeper starts."""
    time: float
    """When the change was seen, in seconds since 1970 by the gatekeeper's clock."""
    edge_ns: Optional[int] = None
    """The kernel's time of the edge that made the change, in nanoseconds of CLOCK_MONOTONIC; only where an edge did."""
    edge_seq: Optional[int] = None
    """The number of that edge among those of its line."""
    error: Optional[str] = None
    """Why the value could not be read, for people."""
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What only this kind has, by names in lower case, such as `humidity` or `blinking`."""

    @property
    def is_active(self) -> bool:
        """Whether the value is another one than 0; not where it is not known."""
        return bool(self.value)

    def number(self, name: str) -> Optional[float]:
        """A field of the kind as a number; None where it is not there, or is none."""
        try:
            return float(self.fields[name])
        except (KeyError, ValueError):
            return None

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> State:
        """Reads a state as the line protocol writes it."""
        value, edge, edge_seq = fields.get("VALUE"), fields.get("EDGE_NS"), fields.get("EDGE_SEQ")
        others = {key.lower(): text for key, text in fields.items() if key not in _KNOWN}
        return cls(
            device=fields["DEVICE"],
            kind=fields.get("KIND", ""),
            value=None if value is None else float(value),
            state=fields.get("STATE", ""),
            seq=int(fields.get("SEQ", "0")),
            time=float(fields.get("TIME", "0")),
            edge_ns=None if edge is None else int(edge),
            edge_seq=None if edge_seq is None else int(edge_seq),
            error=fields.get("ERROR"),
            fields=MappingProxyType(others),
        )


_KNOWN = frozenset("REPLY EVENT COMMAND ID DEVICE KIND VALUE STATE SEQ TIME EDGE_NS EDGE_SEQ ERROR RETAINED".split())


@dataclass(frozen=True)
class Message:
    """The value of a variable, or what a client sent to this one."""

    value: str
    variable: Optional[str] = None
    """The variable; None of what was sent to this client alone."""
    sender: Optional[str] = None
    """The id of the client that it comes from, where the protocol tells it."""
    is_retained: bool = False
    """Whether the gatekeeper had kept it from before."""


@dataclass(frozen=True)
class Alert:
    """A number of a device has passed a limit, or is back."""

    id: int
    """The number that its creation and its resolution have in common."""
    change: str
    """`created`, `resolved`, or `open` where it was asked for."""
    threshold: str
    device: str
    field: str
    limit: str
    """`min` or `max`."""
    bound: float
    severity: str
    created: float
    value: Optional[float] = None
    cause: Optional[str] = None
    """Why it was resolved: `BACK`, `DELETED`, `CHANGED` or `STOPPED`."""

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> Alert:
        """Reads an alert as the line protocol writes it."""
        value = fields.get("VALUE")
        return cls(
            id=int(fields["ALERT"]),
            change=fields.get("CHANGE", "open"),
            threshold=fields.get("THRESHOLD", ""),
            device=fields.get("DEVICE", ""),
            field=fields.get("FIELD", ""),
            limit=fields.get("LIMIT", ""),
            bound=float(fields.get("BOUND", "nan")),
            severity=fields.get("SEVERITY", ""),
            created=float(fields.get("CREATED", "0")),
            value=None if value is None else float(value),
            cause=fields.get("CAUSE"),
        )


def written(value: object) -> str:
    """A parameter as the protocol writes it: whole numbers without a fraction, `True` as 1, lists with commas."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, (list, tuple)):
        return ",".join(written(item) for item in value)
    return str(value)


def duration(seconds: Number) -> str:
    """A duration as the protocol writes it, to the microsecond.  One that is negative is a `ValueError`."""
    microseconds = round(float(seconds) * 1_000_000)
    if microseconds < 0:
        raise ValueError("a duration is not negative")
    if microseconds % 1_000_000 == 0:
        return f"{microseconds // 1_000_000}s"
    return f"{microseconds // 1000}ms" if microseconds % 1000 == 0 else f"{microseconds}us"


def seconds(text: str) -> float:
    """The seconds of a duration that the protocol wrote."""
    for unit, factor in (("us", 1e-6), ("ms", 1e-3), ("min", 60.0), ("h", 3600.0), ("s", 1.0)):
        if text.endswith(unit):
            return float(text[: -len(unit)]) * factor
    return float(text)
