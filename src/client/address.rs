//! Where a gatekeeper is: `line://[user@]host[:port]`, or `lines://` for the same in TLS.

use std::fmt;
use std::str::FromStr;

/// Where a gatekeeper speaks the line protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Whether in TLS.
    pub security: Security,
    /// As whom, where it says so.
    pub user: Option<String>,
    /// The name or address of the machine; that of IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Whether others on the way can read what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// They can.
    Plain,
    /// They can't.
    Tls,
}

impl Security {
    /// How an address begins, and which port is meant where none is given.
    const SCHEMES: [(&str, Security, u16); 2] =
        [("line://", Security::Plain, 7070), ("lines://", Security::Tls, 7071)];
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let wrong = |why: &str| format!("{text:?} is no address of a gatekeeper: {why}");
        let scheme = Security::SCHEMES
            .iter()
            .find_map(|(scheme, security, port)| Some((text.strip_prefix(scheme)?, *security, *port)));
        let (rest, security, default) =
            scheme.ok_or_else(|| wrong("it begins with line://, or in TLS with lines://"))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => {
                // Not shown again: what follows the colon may be a secret.
                return Err("a password does not stand in an address, where others can read it".to_owned());
            }
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, rest),
        };
        if user.as_deref() == Some("") {
            return Err(wrong("there is no user before the @"));
        }
        let (host, port) = match place.strip_prefix('[') {
            Some(bracketed) => {
                let (host, port) = bracketed.split_once(']').ok_or_else(|| wrong("a ] is missing"))?;
                match port.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if port.is_empty() => (host, None),
                    None => return Err(wrong("after the ] stands nothing, or a : and the port")),
                }
            }
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        if host.is_empty() || host.contains(['/', '?', '#', ' ']) {
            return Err(wrong("it needs the name of a machine, and nothing after it but a port"));
        }
        let port = match port {
            Some(port) => port.parse().map_err(|_| wrong("the port is a number from 1 to 65535"))?,
            None => default,
        };
        Ok(Address { security, user, host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address { security, user: _, host, port } = self;
        let scheme = Security::SCHEMES.iter().find(|(_, known, _)| known == security);
        formatter.write_str(scheme.map_or("", |(scheme, ..)| scheme))?;
        if host.contains(':') {
            write!(formatter, "[{host}]:{port}")
        } else {
            write!(formatter, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, user, shown) in [
            ("line://127.0.0.1", None, "line://127.0.0.1:7070"),
            ("lines://pi.local", None, "lines://pi.local:7071"),
            ("line://anna@pi:70/", Some("anna"), "line://pi:70"),
            ("lines://[::1]", None, "lines://[::1]:7071"),
            ("line://[fe80::1]:80", None, "line://[fe80::1]:80"),
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!((address.user.as_deref(), address.to_string()), (user, shown.to_owned()));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_secrets() {
        for bad in [
            "",
            "pi",
            "mqtt://pi",
            "line://",
            "line://pi:x",
            "line://pi:99999",
            "line://@pi",
            "line://pi/a",
            "line://[::1",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
        let error = "line://anna:secret@pi".parse::<Address>().expect_err("a password");
        assert!(!error.contains("secret"), "{error}");
    }
}
