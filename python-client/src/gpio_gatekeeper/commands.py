"""The commands of protocol.md, and what their replies tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Mapping, Optional, Sequence, Tuple

from .errors import BadValue
from .state import Number, duration, seconds, written
from .transport import Fields

_OF_COMMANDS = frozenset({"COMMAND", "ID", "DEVICE", "LINE", "ACTION", "TTL", "NOT_AFTER"})

ALL = "*"
"""Stands for every device."""


def get(device: str) -> Fields:
    """Reads a device from its hardware."""
    return {"COMMAND": "GET", "DEVICE": device}


def do(device: str, action: str, parameters: Mapping[str, object], ttl: Optional[Number] = None) -> Fields:
    """Carries out an action; parameters that are None are left out."""
    command = {"COMMAND": "DO", "DEVICE": device, "ACTION": action}
    for name, value in parameters.items():
        if name.upper() in _OF_COMMANDS:
            raise BadValue(f"{name} is no parameter of an action")
        if value is not None:
            command[name.upper()] = written(value)
    if ttl is not None:
        command["TTL"] = duration(ttl)
    return command


def lease(devices: Sequence[str], ttl: Number, wait: Number, with_connection: bool) -> Fields:
    """Asks for the sole right to write devices."""
    command = {"COMMAND": "LEASE", "DEVICE": ",".join(devices), "TTL": duration(ttl)}
    if wait:
        command["WAIT"] = duration(wait)
    if with_connection:
        command["CONNECTION"] = "1"
    return command


def of_token(name: str, token: int) -> Fields:
    """`RENEW` or `RELEASE`."""
    return {"COMMAND": name, "TOKEN": str(token)}


@dataclass(frozen=True)
class Status:
    """How the gatekeeper is."""

    version: str
    backend: str
    """What carries the devices: `gpiochip-v2`, `gpiochip-v1` or `simulated`."""
    is_simulated: bool
    """Whether no real line is behind them."""
    uptime: float
    """Seconds since its start."""
    clients: int
    devices: int
    user: Optional[str] = None
    """Whom this client has signed in as."""
    role: Optional[str] = None
    board: Optional[str] = None
    """For people, such as `Raspberry Pi 4 Model B Rev 1.2`, where its kernel says so."""
    revision: Optional[str] = None
    """The revision code of a Raspberry Pi in hexadecimal, such as `c03112`."""

    @classmethod
    def from_fields(cls, fields: Fields) -> Status:
        """Reads the reply to `STATUS`."""
        return cls(
            version=fields.get("VERSION", ""),
            backend=fields.get("BACKEND", ""),
            is_simulated=fields.get("SIMULATED") == "1",
            uptime=seconds(fields.get("UPTIME", "0s")),
            clients=int(fields.get("CLIENTS", "0")),
            devices=int(fields.get("DEVICES", "0")),
            user=fields.get("USER"),
            role=fields.get("ROLE"),
            board=fields.get("BOARD"),
            revision=fields.get("REVISION"),
        )


@dataclass(frozen=True)
class Description:
    """What a device is and can do."""

    device: str
    kind: str
    summary: str
    """For people."""
    lines: Mapping[str, str]
    """`chip:offset` of each line, by its role."""
    actions: Tuple[str, ...]
    minimum: float
    maximum: float
    unit: Optional[str]
    values: Mapping[str, str]
    """The other numbers of its states, each with its unit."""
    is_simulated: bool
    fields: Fields
    """Everything that the gatekeeper said, such as `ON_LINK_LOST`."""

    @classmethod
    def from_fields(cls, fields: Fields) -> Description:
        """Reads the reply to `DESCRIBE`."""
        return cls(
            device=fields["DEVICE"],
            kind=fields["KIND"],
            summary=fields.get("SUMMARY", ""),
            lines=_pairs(fields.get("LINES", "")),
            actions=tuple(names(fields.get("ACTIONS", ""))),
            minimum=float(fields.get("MIN", "0")),
            maximum=float(fields.get("MAX", "1")),
            unit=fields.get("UNIT"),
            values=_pairs(fields.get("VALUES", "")),
            is_simulated=fields.get("SIMULATED") == "1",
            fields=fields,
        )


@dataclass(frozen=True)
class Threshold:
    """What watches a number of a device."""

    name: str
    device: str
    field: str
    minimum: Optional[float]
    maximum: Optional[float]
    hysteresis: float
    duration: float
    """Seconds."""
    severity: str
    action: Optional[str]
    """`device:value`, done when the alert is created."""
    resolved_action: Optional[str]
    origin: str
    is_kept: bool
    """Whether it is there again after a restart."""
    alert: Optional[int]
    """The number of its alert, where one is open."""

    @classmethod
    def from_fields(cls, fields: Fields) -> Threshold:
        """Reads the reply to `THRESHOLD`."""
        low, high, alert = fields.get("MIN"), fields.get("MAX"), fields.get("ALERT")
        return cls(
            name=fields["NAME"],
            device=fields["DEVICE"],
            field=fields.get("FIELD", "value"),
            minimum=None if low is None else float(low),
            maximum=None if high is None else float(high),
            hysteresis=float(fields.get("HYSTERESIS", "0")),
            duration=seconds(fields.get("DURATION", "0s")),
            severity=fields.get("SEVERITY", ""),
            action=fields.get("ACTION"),
            resolved_action=fields.get("RESOLVED_ACTION"),
            origin=fields.get("ORIGIN", ""),
            is_kept=fields.get("KEPT") == "1",
            alert=None if alert is None else int(alert),
        )


def threshold(
    name: str,
    device: str,
    field: str,
    minimum: Optional[Number],
    maximum: Optional[Number],
    hysteresis: Number,
    lasting: Number,
    severity: str,
    action: Optional[Tuple[str, Number]],
    resolved_action: Optional[Tuple[str, Number]],
) -> Fields:
    """Sets a threshold."""
    command = {"COMMAND": "THRESHOLD", "NAME": name, "DEVICE": device, "FIELD": field}
    limits = {"MIN": minimum, "MAX": maximum}
    command.update((key, written(limit)) for key, limit in limits.items() if limit is not None)
    command.update(HYSTERESIS=written(hysteresis), DURATION=duration(lasting), SEVERITY=severity)
    actions = {"ACTION": action, "RESOLVED_ACTION": resolved_action}
    command.update((key, f"{deed[0]}:{written(deed[1])}") for key, deed in actions.items() if deed is not None)
    return command


def names(text: str) -> Sequence[str]:
    """Names with commas between."""
    return text.split(",") if text else []


def _pairs(text: str) -> Mapping[str, str]:
    pairs: Dict[str, str] = {}
    for pair in names(text):
        key, _, value = pair.partition("=")
        pairs[key] = value
    return pairs
