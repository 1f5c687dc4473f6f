"""The words of the line protocol in those of MQTT, and back: pure functions on JSON.

protocol.md describes both; a command or reply means the same in either.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Optional

from .errors import Refusal, refusal
from .state import seconds, written
from .transport import Fields

Json = Mapping[str, object]

SYSTEM = "system"
"""The device that every gatekeeper has, for requests that are about none."""


@dataclass(frozen=True)
class Request:
    """What is published to `rpc/commands`, and how the result of its response becomes the fields of a reply."""

    payload: Json
    read: Callable[[object], Fields]
    expiry: Optional[int] = None
    """Seconds after which the request is worth nothing."""


def request(command: Fields) -> Optional[Request]:
    """The request for a command; None where the command is not one of those that are asked this way."""
    name, device = command.get("COMMAND", ""), command.get("DEVICE", "")
    if name == "GET":
        return Request({"device": device, "method": "read"}, reply)
    if name in ("SET", "DO"):
        return _action(command, device)
    if name == "LEASE":
        return _system(
            "lease", reply, _named(command, {"DEVICE": "devices", "TTL": "ttl", "WAIT": "wait"}, "CONNECTION")
        )
    if name in ("RENEW", "RELEASE"):
        return _system(name.lower(), reply, {"token": int(command.get("TOKEN", "0"))})
    if name == "BREAK":
        return _system("break", reply, _named(command, {"DEVICE": "devices", "REASON": "reason"}))
    if name == "THRESHOLD":
        return _threshold(command)
    if name == "ALERTS":
        return _alerts(command)
    if name == "FAULT":
        mends = command.get("MEND") == "1"
        return _system("mend_faults" if mends else "inject_fault", reply, _lower(command, "MEND"))
    return None


def _action(command: Fields, device: str) -> Request:
    value = command.get("VALUE", "").lower()
    if command["COMMAND"] == "DO":
        method, others = command.get("ACTION", ""), _lower(command, "DEVICE", "ACTION", "TTL", "NOT_AFTER")
    elif value in ("on", "off", "toggle"):
        method, others = value, _lower(command, "DEVICE", "VALUE", "TTL", "NOT_AFTER")
    else:
        method, others = "set", _lower(command, "DEVICE", "TTL", "NOT_AFTER")
    ttl = command.get("TTL")
    expiry = None if ttl is None else max(math.ceil(seconds(ttl)), 1)
    return Request({"device": device, "method": method, "kwargs": others}, reply, expiry)


def _threshold(command: Fields) -> Request:
    name = command.get("NAME")
    if name is None:
        return _system("list_thresholds", lambda result: _list(result, "THRESHOLDS", "name"), _lower(command, "AFTER"))
    if command.get("DELETE") == "1":
        return _system("delete_threshold", reply, {"name": name})
    if "DEVICE" in command:
        numbers = {key: float(command[key.upper()]) for key in ("min", "max", "hysteresis") if key.upper() in command}
        return _system("set_threshold", reply, {**_lower(command), **numbers})
    return _system(
        "list_thresholds", lambda result: _one_of(result, "name", name, f"no threshold is called {name}"), {}
    )


def _alerts(command: Fields) -> Request:
    number = command.get("ALERT")
    if number is None:
        return _system("list_alerts", lambda result: _list(result, "ALERTS", "id"), _lower(command, "AFTER"))
    return _system("list_alerts", lambda result: _one_of(result, "id", number, f"no alert {number} is open"), {})


def _system(method: str, read: Callable[[object], Fields], parameters: Json) -> Request:
    return Request({"device": SYSTEM, "method": method, "kwargs": parameters}, read)


def _named(command: Fields, names: Mapping[str, str], flag: str = "") -> Dict[str, object]:
    found: Dict[str, object] = {name: command[key] for key, name in names.items() if key in command}
    if flag in command:
        found[flag.lower()] = command[flag] == "1"
    return found


def _lower(command: Fields, *without: str) -> Dict[str, object]:
    return {key.lower(): value for key, value in command.items() if key not in ("COMMAND", *without)}


def reply(result: object) -> Fields:
    """The fields of a reply with this result."""
    if not isinstance(result, dict):
        return {"REPLY": "OK"}
    if "seq" in result:
        return {"REPLY": "OK", **state(result)}
    return {"REPLY": "OK", **fields(result, {"id": "ALERT"})}


def fields(members: Json, renamed: Mapping[str, str]) -> Dict[str, str]:
    """The members of an object as fields: the same names in upper case, and none for `null`."""
    return {renamed.get(name, name.upper()): written(value) for name, value in members.items() if value is not None}


def state(members: Json) -> Dict[str, str]:
    """A device's state."""
    return fields(members, {"timestamp": "TIME", "event": "STATE"})


def alert(members: Json) -> Dict[str, str]:
    """An alert that was created or resolved."""
    return {"EVENT": "ALERT", **fields(members, {"timestamp": "TIME", "event": "CHANGE", "id": "ALERT"})}


def lease_news(members: Json) -> Dict[str, str]:
    """What became of a lease."""
    event = "LEASE_ENDING" if members.get("event") == "ending" else "LEASE_LOST"
    return {"EVENT": event, **fields({key: members[key] for key in members if key != "event"}, {"timestamp": "TIME"})}


def _list(result: object, key: str, member: str) -> Fields:
    items = _objects(result)
    return {"REPLY": "OK", "COUNT": str(len(items)), key: ",".join(written(item[member]) for item in items)}


def _one_of(result: object, member: str, wanted: str, message: str) -> Fields:
    for item in _objects(result):
        if written(item[member]) == wanted:
            return reply(item)
    raise refusal("NOT_FOUND", message)


def _objects(result: object) -> List[Json]:
    return [item for item in result if isinstance(item, dict)] if isinstance(result, list) else []


# Names of devices, and what they are, stand in the registry.


def listed(registry: Json, command: Fields) -> Fields:
    """The reply to `LIST`."""
    names = list(registry)
    after = command.get("AFTER")
    rest = names if after is None else names[names.index(after) + 1 :]
    return {"REPLY": "OK", "COUNT": str(len(names)), "DEVICES": ",".join(rest)}


def described(registry: Json, device: str) -> Fields:
    """The reply to `DESCRIBE`."""
    entry = registry.get(device)
    if not isinstance(entry, dict):
        raise refusal("UNKNOWN_DEVICE", f"no device is called {device}")
    lines = [f"{role}={line['chip']}:{line['offset']}" for role, line in entry.get("lines", {}).items()]
    found = {
        "REPLY": "OK",
        "DEVICE": device,
        "KIND": str(entry.get("type", "")),
        "SUMMARY": str(entry.get("summary", "")),
        "LINES": ",".join(lines),
        "ACTIONS": ",".join(entry.get("actions", {})),
        "MIN": written(entry.get("limits", {}).get("min", 0)),
        "MAX": written(entry.get("limits", {}).get("max", 1)),
        "SIMULATED": written(bool(entry.get("simulated"))),
        **fields(entry.get("safety", {}), {}),
    }
    channels = [f"{role}={channel['chip']}:{channel['channel']}" for role, channel in entry.get("channels", {}).items()]
    if channels:
        found["CHANNELS"] = ",".join(channels)
    if entry.get("unit") is not None:
        found["UNIT"] = str(entry["unit"])
    if entry.get("values"):
        found["VALUES"] = ",".join(f"{name}={unit}" for name, unit in entry["values"].items())
    return found


def status(telemetry: Json, registry: Json) -> Fields:
    """The reply to `STATUS`."""
    names = ("version", "backend", "simulated", "uptime", "clients", "board", "revision")
    known = {name: telemetry.get(name) for name in names}
    return {"REPLY": "OK", **fields(known, {}), "DEVICES": str(len(registry))}


def check_name(name: str, longest: int, what: str) -> None:
    """Refuses what would be another topic, or many."""
    if not 1 <= len(name) <= longest or re.search(r"[/+#\x00-\x1f\x7f]", name):
        raise refusal("BAD_VALUE", f"{name!r} is no name of a {what}")


# Codes for reasons that come without words.
_REASONS = {
    0x85: "BAD_VALUE",
    0x86: "ACCESS_DENIED",
    0x87: "ACCESS_DENIED",
    0x89: "LIMIT_REACHED",
    0x8B: "STOPPING",
    0x8D: "TOO_SLOW",
    0x8E: "TAKEN_OVER",
    0x90: "UNKNOWN_DEVICE",
    0x97: "LIMIT_REACHED",
    0x99: "BAD_VALUE",
}


def refused(reason: int, words: Optional[str]) -> Refusal:
    """The refusal that a reason code and a Reason String, such as `HELD: motor is held by panel`, mean."""
    code, colon, message = (words or "").partition(": ")
    if colon and code in Refusal.by_code:
        return refusal(code, message)
    return refusal(_REASONS.get(reason, f"MQTT_{reason:02X}"), words or f"reason 0x{reason:02x}")
