//! Why nothing came of what a client wanted, and with which status a program says so.

use std::fmt;

use super::Fields;
use crate::domain::Code;

/// Why a request was not answered with what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// What was given can't be used, and nothing was tried.
    Settings(String),
    /// There is no connection, and nothing was sent.
    NotSent(String),
    /// The connection was lost, or the time was over, before the answer came: whether it was done is not known.
    Unknown(String),
    /// The gatekeeper has refused it.
    Refused {
        /// What programs decide by.
        code: String,
        /// What people read.
        message: String,
    },
}

impl Failure {
    /// What an error reply, or a goodbye, says.
    pub(super) fn refused(fields: &Fields) -> Failure {
        let text = |key| fields.get(key).unwrap_or_default().to_owned();
        Failure::Refused { code: text("CODE"), message: text("MESSAGE") }
    }

    /// The code of a refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            Failure::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The exit status that stands for it.
    pub fn exit_status(&self) -> u8 {
        match self {
            Failure::Settings(_) => 2,
            Failure::NotSent(_) => 3,
            Failure::Unknown(_) => 4,
            Failure::Refused { code, .. } => {
                let known = Code::ALL.into_iter().find(|known| known.as_str() == code);
                // A newer gatekeeper may have further codes.
                known.map_or(1, exit_status)
            }
        }
    }
}

/// The exit status that stands for a refusal with this code.  Like the code, it never changes its meaning: a new code
/// gets the next number.
pub fn exit_status(code: Code) -> u8 {
    match code {
        Code::Malformed => 10,
        Code::FrameTooLong => 11,
        Code::UnknownCommand => 12,
        Code::MissingKey => 13,
        Code::BadValue => 14,
        Code::OutOfRange => 15,
        Code::UnknownDevice => 16,
        Code::UnknownAction => 17,
        Code::NotSupported => 18,
        Code::AccessDenied => 19,
        Code::Held => 20,
        Code::LeaseRequired => 21,
        Code::StaleToken => 22,
        Code::NoLease => 23,
        Code::NotFound => 24,
        Code::Interlocked => 25,
        Code::Obstructed => 26,
        Code::DeviceFault => 27,
        Code::RetainedCommand => 28,
        Code::Expired => 29,
        Code::UnknownClient => 30,
        Code::TakenOver => 31,
        Code::TooManyClients => 32,
        Code::LimitReached => 33,
        Code::TooSlow => 34,
        Code::Stopping => 35,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Settings(why) => formatter.write_str(why),
            Failure::NotSent(why) => write!(formatter, "{why}; nothing was sent"),
            Failure::Unknown(why) => write!(formatter, "{why}; whether it was done is not known"),
            Failure::Refused { code, message } => write!(formatter, "{code}: {message}"),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_status_of_its_own() {
        let all: BTreeSet<u8> = Code::ALL.into_iter().map(exit_status).collect();
        assert_eq!(all.len(), Code::ALL.len());
        assert!(all.iter().all(|status| (10..64).contains(status)), "{all:?}");
        let refused = |code: &str| Failure::Refused { code: code.to_owned(), message: String::new() };
        assert_eq!((refused("HELD").exit_status(), refused("BRAND_NEW").exit_status()), (20, 1));
    }
}
