//! Where a connection goes, and as whom.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Address, Security};

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

impl Settings {
    /// Whether a secret goes where others on the way can read it: without TLS, and not only within this machine.
    pub fn exposes_secret(&self) -> bool {
        let Address { security, host, .. } = &self.address;
        let is_near =
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        *security == Security::Plain && self.secret.is_some() && !is_near
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_exposed_on_the_way_to_another_machine() {
        let exposes = |url: &str, secret: Option<Secret>| {
            let (address, timeout) = (url.parse().expect("good"), Duration::ZERO);
            Settings { address, secret, ca: None, certificate: None, client: String::new(), timeout }
                .exposes_secret()
        };
        let token = || Some(Secret::Token("gk".to_owned()));
        assert!(exposes("line://pi.local", token()) && exposes("line://192.0.2.1", token()));
        for url in ["lines://pi.local", "line://localhost", "line://127.0.0.1", "line://[::1]"] {
            assert!(!exposes(url, token()), "{url}");
        }
        assert!(!exposes("line://pi.local", None));
    }
}
