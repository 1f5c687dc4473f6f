//! Refusals as MQTT reason codes.

use crate::domain::{Code, Refusal};
use crate::wire::mqtt::{Properties, Property, ReasonCode};

/// The reason code of a PUBACK for a command that was refused; `protocol.md` has the table.
pub(super) fn of_command(code: Code) -> ReasonCode {
    match code {
        Code::Malformed | Code::BadValue | Code::MissingKey | Code::OutOfRange => {
            ReasonCode::PayloadFormatInvalid
        }
        Code::UnknownDevice | Code::UnknownAction => ReasonCode::TopicNameInvalid,
        Code::AccessDenied | Code::Held | Code::LeaseRequired | Code::StaleToken => ReasonCode::NotAuthorized,
        Code::LimitReached | Code::TooManyClients => ReasonCode::QuotaExceeded,
        _ => ReasonCode::ImplementationSpecificError,
    }
}

/// The reason code with which a connection is ended.
pub(super) fn of_closing(code: Code) -> ReasonCode {
    match code {
        Code::Stopping => ReasonCode::ServerShuttingDown,
        Code::TakenOver => ReasonCode::SessionTakenOver,
        Code::TooSlow | Code::LimitReached => ReasonCode::QuotaExceeded,
        Code::TooManyClients => ReasonCode::ServerBusy,
        Code::AccessDenied => ReasonCode::NotAuthorized,
        _ => ReasonCode::ImplementationSpecificError,
    }
}

/// `CODE: message` as a Reason String.
pub(super) fn words(refusal: &Refusal) -> Properties {
    Properties::new().with(Property::ReasonString(refusal.to_string()))
}
