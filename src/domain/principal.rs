//! Who asks.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{Account, ClientId, UserName};

/// Who is behind a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The client's identifier; for one that gave none, one that the gatekeeper made.
    pub client: ClientId,
    /// The address the connection comes from.
    pub address: SocketAddr,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// The name in the certificate that it has shown, and that one of the configured authorities has signed.
    pub certificate_name: Option<String>,
    /// What it may do, and who it is to do so.
    pub account: Arc<Account>,
}

/// Who wants to be let in, as far as the gatekeeper knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The client's identifier, where it has a valid one.
    pub client: Option<ClientId>,
    /// The address the connection comes from.
    pub address: SocketAddr,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// The name in the certificate that it has shown, as in [`Principal`].
    pub certificate_name: Option<String>,
    /// The user that it wants to be, where there is such a one; what else was typed for a name may be a secret.
    pub user: Option<UserName>,
}

impl Principal {
    /// The user that it has proved to be.
    pub fn user(&self) -> Option<&UserName> {
        self.account.user.as_ref()
    }
}

/// The protocol a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `|START|...|END|` frames.
    Line,
    /// MQTT 5.0 or 3.1.1.
    Mqtt,
    /// The same in WebSockets.
    WebSocket,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Line => "line",
            Protocol::Mqtt => "mqtt",
            Protocol::WebSocket => "websocket",
        })
    }
}
