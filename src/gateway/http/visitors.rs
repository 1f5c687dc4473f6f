//! Who may come from where: what keeps other people's web pages from using a visitor's browser to drive devices.
//!
//! A browser lets a page open a WebSocket to any address, and tells only by the header `Origin` whose page it is.  And
//! who owns a name can let it point to 127.0.0.1 once the page is there, so that the page and the gatekeeper seem to
//! be of one host; then the header `Host` has that name.

use std::net::IpAddr;

use crate::wire::http::{Bad, Request, Status};

/// The rules.
#[derive(Debug, Clone)]
pub struct Visitors {
    reach: Reach,
    /// Whose pages are welcome beside those of the same host; `*` is everybody's.
    origins: Vec<String>,
}

/// Who can reach the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Programs on this machine alone, so that it has no other names.
    Loopback,
    /// Others too, who may call it by any name.
    Network,
}

impl Visitors {
    /// With a listener on this address, and these origins.
    pub fn new(listens_on: IpAddr, origins: Vec<String>) -> Visitors {
        let local = listens_on.to_canonical().is_loopback();
        Visitors { reach: if local { Reach::Loopback } else { Reach::Network }, origins }
    }

    /// Whether the host that is asked for may be this one.
    pub fn check_host(&self, request: &Request<'_>) -> Result<(), Bad> {
        // Only programs leave it out, and only in HTTP/1.0.
        let Some(host) = request.host else { return Ok(()) };
        let host = name(host);
        let listed = || self.origins.iter().any(|origin| origin == "*" || same(host_of(origin), Some(host)));
        if self.reach == Reach::Network || is_loopback(host) || listed() {
            return Ok(());
        }
        Err(Bad {
            status: Status::Forbidden,
            why: "this listens on the loopback interface, where Host is localhost or 127.0.0.1; a proxy's own name \
                  is listed in http.origins",
        })
    }

    /// Whether the page that asks, if a page does, may open a WebSocket.
    pub fn check_origin(&self, request: &Request<'_>) -> Result<(), Bad> {
        // Only browsers send it, and they always do.
        let Some(origin) = request.only("Origin")? else { return Ok(()) };
        let listed = |known: &String| known == "*" || known.eq_ignore_ascii_case(origin);
        if same(host_of(origin), request.host.map(name)) || self.origins.iter().any(listed) {
            return Ok(());
        }
        Err(Bad {
            status: Status::Forbidden,
            why: "pages of this origin may not open a WebSocket here; http.origins lists those that may",
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    host.eq_ignore_ascii_case("localhost") || address()
}

fn same(one: Option<&str>, other: Option<&str>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if !one.is_empty() && one.eq_ignore_ascii_case(other))
}

/// The host in `https://host:8443`; nothing in `null`, which stands for pages without a home.
fn host_of(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, authority)| name(authority))
}

/// The host in `host:8080` or `[::1]:8080`.
fn name(authority: &str) -> &str {
    if let Some((address, _)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::{Split, split};

    fn visitors(address: &str, origins: &[&str]) -> Visitors {
        let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Visitors::new(address.parse().expect("an address"), origins)
    }

    fn check(visitors: &Visitors, host: &str, origin: &str) -> (bool, bool) {
        let head = format!("GET /mqtt HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n\r\n");
        match split(head.as_bytes()) {
            Ok(Split::Request { request, .. }) => {
                (visitors.check_host(&request).is_ok(), visitors.check_origin(&request).is_ok())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn on_loopback_the_host_is_loopback_or_listed() {
        let own = visitors("127.0.0.1", &[]);
        for host in
            ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080", "[::ffff:127.0.0.1]"]
        {
            assert!(check(&own, host, "null").0, "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1", "[::2]", ""]
        {
            assert!(!check(&own, host, "null").0, "{host}");
        }
        assert!(check(&visitors("::1", &["https://pi.example:8443"]), "pi.example", "null").0);
        assert!(check(&visitors("::1", &["*"]), "anything", "null").0);
        assert!(check(&visitors("0.0.0.0", &[]), "raspberrypi.local:8080", "null").0);
    }

    #[test]
    fn pages_are_of_the_same_host_or_listed() {
        let own = visitors("127.0.0.1", &["https://panel.example"]);
        for (host, origin) in [
            ("127.0.0.1:8080", "http://127.0.0.1:3000"),
            ("localhost:8080", "http://localhost"),
            ("[::1]:8080", "http://[::1]:1880"),
            ("127.0.0.1:8080", "https://PANEL.example"),
        ] {
            assert!(check(&own, host, origin).1, "{host} {origin}");
        }
        for origin in ["http://evil.example", "null", "", "http://", "https://panel.example:444", "127.0.0.1"]
        {
            assert!(!check(&own, "127.0.0.1:8080", origin).1, "{origin}");
        }
        assert!(check(&visitors("127.0.0.1", &["*"]), "127.0.0.1", "http://evil.example").1);
    }
}
