//! A refusal: the normal reply to a command that is not carried out.

use std::borrow::Cow;
use std::fmt;

/// Why a command was not carried out: a stable code for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What programs decide by.
    pub code: Code,
    /// What a person reads; no program needs to.
    pub message: Cow<'static, str>,
}

/// The codes of refusals.  They are the same over both protocols and never change their meaning; `protocol.md`
/// lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The frame or payload can't be read.
    Malformed,
    /// The frame is longer than the limit; what follows the next `|START|` is read again.
    FrameTooLong,
    /// No command has this name.
    UnknownCommand,
    /// The command needs a key that was not given.
    MissingKey,
    /// A value is of the wrong form.
    BadValue,
    /// A value is well-formed and outside its range.
    OutOfRange,
    /// No device has this name, or no device is on this line.
    UnknownDevice,
    /// The device has no such action.
    UnknownAction,
    /// This gatekeeper, or this device on this backend, can't do that.
    NotSupported,
    /// The client may not do this.
    AccessDenied,
    /// Another client holds a lease on the device, or was promised one.
    Held,
    /// The device is written under a lease only, and the client has none on it.
    LeaseRequired,
    /// The command was meant under a lease that the client does not hold any more.
    StaleToken,
    /// There is no such lease, or it is not the client's.
    NoLease,
    /// No threshold has this name, or no alert with this number is open.
    NotFound,
    /// Another device of an interlock is on, or was a moment ago.
    Interlocked,
    /// Something is in the way of what was to move.
    Obstructed,
    /// The hardware failed, or reads back another value than was written.
    DeviceFault,
    /// The command was retained, and would act again after every restart.
    RetainedCommand,
    /// The command's time had passed before it could be carried out.
    Expired,
    /// No connected client has this identifier.
    UnknownClient,
    /// Another connection took over this client identifier.
    TakenOver,
    /// As many clients as may be are connected.
    TooManyClients,
    /// A limit of this client or of the whole gatekeeper is reached.
    LimitReached,
    /// The client did not read what was sent to it, or did not answer in time.
    TooSlow,
    /// The gatekeeper is stopping.
    Stopping,
}

impl Code {
    /// Every code, in the order of `protocol.md`.
    pub const ALL: [Code; 26] = [
        Code::Malformed,
        Code::FrameTooLong,
        Code::UnknownCommand,
        Code::MissingKey,
        Code::BadValue,
        Code::OutOfRange,
        Code::UnknownDevice,
        Code::UnknownAction,
        Code::NotSupported,
        Code::AccessDenied,
        Code::Held,
        Code::LeaseRequired,
        Code::StaleToken,
        Code::NoLease,
        Code::NotFound,
        Code::Interlocked,
        Code::Obstructed,
        Code::DeviceFault,
        Code::RetainedCommand,
        Code::Expired,
        Code::UnknownClient,
        Code::TakenOver,
        Code::TooManyClients,
        Code::LimitReached,
        Code::TooSlow,
        Code::Stopping,
    ];

    /// The code as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Malformed => "MALFORMED",
            Code::FrameTooLong => "FRAME_TOO_LONG",
            Code::UnknownCommand => "UNKNOWN_COMMAND",
            Code::MissingKey => "MISSING_KEY",
            Code::BadValue => "BAD_VALUE",
            Code::OutOfRange => "OUT_OF_RANGE",
            Code::UnknownDevice => "UNKNOWN_DEVICE",
            Code::UnknownAction => "UNKNOWN_ACTION",
            Code::NotSupported => "NOT_SUPPORTED",
            Code::AccessDenied => "ACCESS_DENIED",
            Code::Held => "HELD",
            Code::LeaseRequired => "LEASE_REQUIRED",
            Code::StaleToken => "STALE_TOKEN",
            Code::NoLease => "NO_LEASE",
            Code::NotFound => "NOT_FOUND",
            Code::Interlocked => "INTERLOCKED",
            Code::Obstructed => "OBSTRUCTED",
            Code::DeviceFault => "DEVICE_FAULT",
            Code::RetainedCommand => "RETAINED_COMMAND",
            Code::Expired => "EXPIRED",
            Code::UnknownClient => "UNKNOWN_CLIENT",
            Code::TakenOver => "TAKEN_OVER",
            Code::TooManyClients => "TOO_MANY_CLIENTS",
            Code::LimitReached => "LIMIT_REACHED",
            Code::TooSlow => "TOO_SLOW",
            Code::Stopping => "STOPPING",
        }
    }
}

impl Refusal {
    /// A refusal with its sentence: lower case, no full stop, saying what to do where there is something to do.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { code, message: message.into() }
    }

    /// What a connection gets whose client identifier another one uses now.
    pub fn taken_over() -> Refusal {
        Refusal::new(Code::TakenOver, "another connection uses this client id now")
    }

    /// As many clients as may be are connected, or are about to be.
    pub fn too_many_clients() -> Refusal {
        Refusal::new(Code::TooManyClients, "as many clients as may be are connected; try again later")
    }

    /// What a connection gets whose user is another one now, or gone.
    pub fn changed_user() -> Refusal {
        Refusal::new(Code::AccessDenied, "the user was changed or removed; sign in again")
    }

    /// What a connection gets when what it has signed in with is good no more.
    pub fn expired() -> Refusal {
        Refusal::new(Code::AccessDenied, "the user or the token has expired; sign in again")
    }

    /// What every command gets once the daemon is stopping.
    pub fn stopping() -> Refusal {
        Refusal::new(Code::Stopping, "the gatekeeper is stopping")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Refusal {}
