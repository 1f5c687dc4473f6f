//! Where a connection goes, and as whom.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::Address;

/// What a connection needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to.
    pub address: Address,
    /// What proves who this is; a certificate may do so as well.
    pub secret: Option<Secret>,
    /// The authority that has signed the gatekeeper's certificate, or that certificate itself; PEM.  Without it those
    /// count that the system trusts.
    pub ca: Option<PathBuf>,
    /// An own certificate and its key; PEM.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// What this client is called.
    pub client: String,
    /// How long a connection, and an answer, may take.
    pub timeout: Duration,
}

/// What proves who this is.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Of a user.
    Password {
        /// Which one.
        user: String,
        /// The password.
        password: String,
    },
    /// Of a device.
    Token(String),
}

/// Without the secret.
impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Password { user, .. } => write!(formatter, "the password of {user}"),
            Secret::Token(_) => formatter.write_str("a token"),
        }
    }
}
