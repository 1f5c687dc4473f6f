"""What can go wrong, each with a code to decide by and the builtin exception that fits.

Everything is a `GatekeeperError`.  A `Refusal` is what the gatekeeper answered: the command has changed nothing (after
a `DeviceFault` the device is in an unknown state).  The others are made here; whether the command was carried out is
in their `outcome`.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar, Dict, Type


class Outcome(Enum):
    """What is known of the command that an error is about."""

    REFUSED = "refused"
    """The gatekeeper did not carry it out, and said why."""
    NOT_SENT = "not sent"
    """It never left, and will not."""
    UNKNOWN = "unknown"
    """It left, and no answer came: it may have been carried out, or not.  It is not sent again."""


class GatekeeperError(Exception):
    """The base of all errors of this package."""

    code: str = "ERROR"
    """What programs decide by: a refusal code of protocol.md, or the name of an error of this package."""
    outcome: Outcome = Outcome.NOT_SENT

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        """For people; it may change at any time."""

    def __str__(self) -> str:
        return self.message


class SettingsError(GatekeeperError, ValueError):
    """The URL, the credentials or an argument can't be used as they are."""

    code = "SETTINGS"


class WrongKind(GatekeeperError, TypeError):
    """The device is of another kind than the class, such as `LED` for a button."""

    code = "WRONG_KIND"


class ConnectFailed(GatekeeperError, ConnectionError):
    """Nobody answered there, or not as a gatekeeper."""

    code = "CONNECT_FAILED"


class NotSent(GatekeeperError, ConnectionError):
    """The connection was lost before the command left; it is not sent later, because late is dangerous."""

    code = "NOT_SENT"


class Closed(NotSent):
    """The gate was closed."""

    code = "CLOSED"


class ConnectionLost(GatekeeperError, ConnectionError):
    """The connection was lost between command and answer: the outcome is unknown."""

    code = "CONNECTION_LOST"
    outcome = Outcome.UNKNOWN


class CallTimeout(GatekeeperError, TimeoutError):
    """No answer came in time: the outcome is unknown."""

    code = "CALL_TIMEOUT"
    outcome = Outcome.UNKNOWN


class WaitTimeout(GatekeeperError, TimeoutError):
    """What was waited for did not happen in time."""

    code = "WAIT_TIMEOUT"


class LeaseLost(GatekeeperError, PermissionError):
    """The lease that the write was meant under is over."""

    code = "LEASE_LOST"


class Refusal(GatekeeperError):
    """The gatekeeper refused a command; also with codes that this package does not know."""

    outcome = Outcome.REFUSED
    by_code: ClassVar[Dict[str, Type[Refusal]]] = {}

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        if code:
            self.code = code

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def refusal(code: str, message: str) -> Refusal:
    """The error for what a reply says."""
    return Refusal.by_code.get(code, Refusal)(message, code)


class Malformed(Refusal, ValueError):
    """The command can't be read."""

    code = "MALFORMED"


class FrameTooLong(Refusal, ValueError):
    """The command is longer than the limit."""

    code = "FRAME_TOO_LONG"


class UnknownCommand(Refusal, NotImplementedError):
    """This gatekeeper has no such command."""

    code = "UNKNOWN_COMMAND"


class MissingKey(Refusal, TypeError):
    """A parameter is missing."""

    code = "MISSING_KEY"


class BadValue(Refusal, ValueError):
    """A value is of the wrong form."""

    code = "BAD_VALUE"


class OutOfRange(Refusal, ValueError):
    """A value is outside its range."""

    code = "OUT_OF_RANGE"


class UnknownDevice(Refusal, LookupError):
    """No device has this name."""

    code = "UNKNOWN_DEVICE"


class UnknownAction(Refusal, TypeError):
    """The device has no such action."""

    code = "UNKNOWN_ACTION"


class NotSupported(Refusal, NotImplementedError):
    """This gatekeeper, or this device on this backend, can't do that."""

    code = "NOT_SUPPORTED"


class AccessDenied(Refusal, PermissionError):
    """The user may not do this, or the credentials are wrong."""

    code = "ACCESS_DENIED"


class Held(Refusal, PermissionError):
    """Another client holds a lease on the device, or waits for it already."""

    code = "HELD"


class LeaseRequired(Refusal, PermissionError):
    """The device is written under a lease only."""

    code = "LEASE_REQUIRED"


class StaleToken(Refusal, PermissionError):
    """The command was meant under a lease that is over, or is not on this device."""

    code = "STALE_TOKEN"


class NoLease(Refusal, LookupError):
    """There is no such lease, or it is another client's."""

    code = "NO_LEASE"


class NotFound(Refusal, LookupError):
    """No threshold is called so, or no alert with this number is open."""

    code = "NOT_FOUND"


class Interlocked(Refusal, RuntimeError):
    """Another device of an interlock is on, or was a moment ago."""

    code = "INTERLOCKED"


class Obstructed(Refusal, RuntimeError):
    """Something is in the way of a cover."""

    code = "OBSTRUCTED"


class DeviceFault(Refusal, OSError):
    """The hardware failed, or reads back another value than was written: the device is in an unknown state."""

    code = "DEVICE_FAULT"
    outcome = Outcome.UNKNOWN


class RetainedCommand(Refusal, ValueError):
    """The command was retained, and would act again after every restart."""

    code = "RETAINED_COMMAND"


class Expired(Refusal, TimeoutError):
    """The command's time had passed before it could be carried out."""

    code = "EXPIRED"


class UnknownClient(Refusal, LookupError):
    """No connected client has this id."""

    code = "UNKNOWN_CLIENT"


class TakenOver(Refusal, ConnectionError):
    """Another connection took over this client id."""

    code = "TAKEN_OVER"


class TooManyClients(Refusal, ConnectionError):
    """As many clients as may be are connected."""

    code = "TOO_MANY_CLIENTS"


class LimitReached(Refusal, RuntimeError):
    """A limit of this client or of the whole gatekeeper is reached."""

    code = "LIMIT_REACHED"


class TooSlow(Refusal, TimeoutError):
    """The client did not read what was sent to it, or did not answer in time."""

    code = "TOO_SLOW"


class Stopping(Refusal, ConnectionError):
    """The gatekeeper is stopping."""

    code = "STOPPING"


Refusal.by_code.update((kind.code, kind) for kind in Refusal.__subclasses__())
