//! The sections `line`, `mqtt` and `http`: where each protocol listens, and who can reach it there.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Unexpected, Visitor};

use super::sections::{MIB, within};
use super::tls::{Insecure, TlsListener};
use crate::domain::{Mistakes, Settings, Span};

/// The listener of the line protocol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LineListener {
    /// Where it listens; `None` is no listener.
    #[serde(deserialize_with = "address_or_null")]
    pub listen: Option<SocketAddr>,
    /// How long a client may be silent until it is asked whether it lives, unless it asked for another time.
    pub keepalive: Span,
    /// The longest such time that a client may ask for.
    pub keepalive_maximum: Span,
    /// The longest frame, in bytes.
    pub maximum_frame: usize,
    /// Whether it may listen where other machines can reach it.
    pub insecure: bool,
    /// The listener for TLS beside it.
    #[serde(deserialize_with = "read_later")]
    pub tls: Option<TlsListener>,
}

/// The listener of MQTT.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MqttListener {
    /// Where it listens; `None` is no listener.
    #[serde(deserialize_with = "address_or_null")]
    pub listen: Option<SocketAddr>,
    /// The first level of the gatekeeper's own topics.
    pub prefix: String,
    /// The largest packet, in bytes.
    pub maximum_packet: usize,
    /// Whether sessions and retained messages outlive the daemon.
    pub persistence: Persistence,
    /// Whether it may listen where other machines can reach it.
    pub insecure: bool,
    /// The listener for TLS beside it.
    #[serde(deserialize_with = "read_later")]
    pub tls: Option<TlsListener>,
}

/// Where sessions and retained messages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Persistence {
    /// In memory: they end with the daemon.
    #[default]
    Off,
    /// In a file in the state folder as well.
    File,
}

/// The listener of HTTP, for health and metrics, and for MQTT in WebSockets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HttpListener {
    /// Where it listens; `None` is no listener.
    #[serde(deserialize_with = "address_or_null")]
    pub listen: Option<SocketAddr>,
    /// Whose web pages may open a WebSocket beside those of the same host, such as `https://panel.example`; `*` is
    /// everybody's.
    pub origins: Vec<String>,
    /// Whether it may listen where other machines can reach it.
    pub insecure: bool,
    /// The listener for TLS beside it.
    #[serde(deserialize_with = "read_later")]
    pub tls: Option<TlsListener>,
}

/// Whether there are users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Everybody may do everything.
    Nobody,
    /// Whoever wants something says who it is.
    Users,
}

/// Whether others can listen to what goes over a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Privacy {
    None,
    Encrypted,
}

/// Whether a listener may be reached from other machines.
pub(super) enum Secured {
    Well,
    Badly(&'static str),
}

impl Default for LineListener {
    fn default() -> LineListener {
        LineListener {
            listen: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7070)),
            keepalive: Span::from_millis(3000),
            keepalive_maximum: Span::from_millis(3_600_000),
            maximum_frame: 4096,
            insecure: false,
            tls: None,
        }
    }
}

impl Default for MqttListener {
    fn default() -> MqttListener {
        MqttListener {
            listen: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1883)),
            prefix: "pi".to_owned(),
            maximum_packet: 65_536,
            persistence: Persistence::Off,
            insecure: false,
            tls: None,
        }
    }
}

impl Default for HttpListener {
    fn default() -> HttpListener {
        HttpListener {
            listen: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080)),
            origins: Vec::new(),
            insecure: false,
            tls: None,
        }
    }
}

pub(super) fn read_line(settings: &Settings<'_>, guard: Guard, mistakes: &mut Mistakes) -> LineListener {
    let line: LineListener = settings.read(mistakes).unwrap_or_default();
    check_reach(settings, line.listen, secured(guard, Privacy::None), Insecure(line.insecure), mistakes);
    let keepalive_in_bounds = within(settings, "keepalive", line.keepalive, KEEPALIVE, mistakes);
    let maximum_in_bounds =
        within(settings, "keepalive_maximum", line.keepalive_maximum, KEEPALIVE_MAXIMUM, mistakes);
    if keepalive_in_bounds && maximum_in_bounds && line.keepalive_maximum < line.keepalive {
        let message = format!(
            "expected at least {}, which is the keepalive, found {}",
            line.keepalive, line.keepalive_maximum
        );
        settings.mistake("keepalive_maximum", message, mistakes);
    }
    within(settings, "maximum_frame", line.maximum_frame, 256..=65_536, mistakes);
    line
}

pub(super) fn read_mqtt(settings: &Settings<'_>, guard: Guard, mistakes: &mut Mistakes) -> MqttListener {
    let mqtt: MqttListener = settings.read(mistakes).unwrap_or_default();
    check_reach(settings, mqtt.listen, secured(guard, Privacy::None), Insecure(mqtt.insecure), mistakes);
    if let Some(rule) = broken_prefix_rule(&mqtt.prefix) {
        settings.mistake("prefix", rule, mistakes);
    }
    within(settings, "maximum_packet", mqtt.maximum_packet, 1024..=16 * MIB, mistakes);
    mqtt
}

pub(super) fn read_http(settings: &Settings<'_>, guard: Guard, mistakes: &mut Mistakes) -> HttpListener {
    let http: HttpListener = settings.read(mistakes).unwrap_or_default();
    check_reach(settings, http.listen, secured(guard, Privacy::None), Insecure(http.insecure), mistakes);
    if let Some(wrong) = http.origins.iter().find(|origin| !is_origin(origin)) {
        let message = format!(
            "expected origins such as \"https://panel.example:8443\", without a path, or \"*\" for all, found {wrong:?}"
        );
        settings.mistake("origins", message, mistakes);
    }
    http
}

/// A section that may have a listener: its name, its settings, and where it listens.  Those for TLS come last.
pub(super) type Section<'s, 't> = (&'static str, &'s Settings<'t>, Option<SocketAddr>);

/// One port cannot have two listeners, and a gatekeeper without any is of no use.
pub(super) fn check_together(sections: &[Section<'_, '_>], mistakes: &mut Mistakes) {
    let [first, second, third, ..] = sections else { return };
    if sections.iter().all(|(_, _, listen)| listen.is_none()) {
        let message = format!(
            "{}.listen and {}.listen are null as well: give one of them an address, or nobody can connect",
            first.0, second.0
        );
        return third.1.mistake("listen", message, mistakes);
    }
    for (index, later) in sections.iter().enumerate() {
        let meets = |other: &&Section<'_, '_>| match (other.2, later.2) {
            (Some(one), Some(two)) => overlap(one, two),
            _ => false,
        };
        let Some(earlier) = sections[..index].iter().find(meets) else { continue };
        // What stands in the file is what can be changed there.
        let (place, other) = if later.1.has("listen") { (later, earlier) } else { (earlier, later) };
        if let Some(address) = other.2 {
            let name = other.0;
            let message = format!("{name}.listen is {address} as well: give one of them another port");
            place.1.mistake("listen", message, mistakes);
        }
    }
}

/// `scheme://host` or `scheme://host:port`, as browsers send it.
fn is_origin(origin: &str) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else { return origin == "*" };
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let host = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '#' | '@' | '*');
    !scheme.is_empty() && scheme.chars().all(word) && !rest.is_empty() && rest.chars().all(host)
}

/// What a listener has to be reached from other machines with a good conscience: users, and a link that nobody
/// listens to.
pub(super) fn secured(guard: Guard, privacy: Privacy) -> Secured {
    match (guard, privacy) {
        (Guard::Users, Privacy::Encrypted) => Secured::Well,
        (Guard::Users, Privacy::None) => Secured::Badly(
            "passwords would cross the network for everybody to read, because this is not the listener of \"tls\"",
        ),
        (Guard::Nobody, _) => {
            Secured::Badly("everybody who can reach it could drive every device, because there are no users")
        }
    }
}

/// Where other machines can reach a listener, it is secured, or it is said that it is not.
pub(super) fn check_reach(
    settings: &Settings<'_>,
    listen: Option<SocketAddr>,
    secured: Secured,
    insecure: Insecure,
    mistakes: &mut Mistakes,
) {
    let Some(danger) = danger(listen, secured).filter(|_| insecure == Insecure(false)) else { return };
    let message = format!("{danger}: listen on 127.0.0.1, or add \"insecure\": true if that is meant");
    settings.mistake("listen", message, mistakes);
}

/// What is wrong with a listener that other machines can reach.
pub(super) fn danger(listen: Option<SocketAddr>, secured: Secured) -> Option<String> {
    let address = reachable(listen)?;
    match secured {
        Secured::Well => None,
        Secured::Badly(why) => Some(format!("{address} can be reached from other machines, and {why}")),
    }
}

/// Where a listener listens, if other machines can reach that.
pub(super) fn reachable(listen: Option<SocketAddr>) -> Option<SocketAddr> {
    listen.filter(|address| !address.ip().to_canonical().is_loopback())
}

/// Whether binding the second would fail after the first; port 0 is a free one each time.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    // An IPv6 wildcard takes IPv4 as well, unless the system says otherwise.
    let covers = |wide: IpAddr, other: IpAddr| wide.is_unspecified() && (wide.is_ipv6() || other.is_ipv4());
    let (first, second) = (a.ip().to_canonical(), b.ip().to_canonical());
    a.port() == b.port()
        && a.port() != 0
        && (first == second || covers(first, second) || covers(second, first))
}

fn broken_prefix_rule(prefix: &str) -> Option<&'static str> {
    if prefix.is_empty() || prefix.chars().count() > LONGEST_PREFIX {
        Some("a prefix has 1 to 64 characters")
    } else if prefix.contains(['/', '+', '#']) {
        Some("a prefix is one level of a topic: write it without '/', '+' and '#'")
    } else if prefix.starts_with('$') {
        Some(
            "topics that begin with '$' belong to the broker itself: begin the prefix with another character",
        )
    } else if prefix.chars().any(char::is_control) {
        Some("a prefix has no control characters")
    } else {
        None
    }
}

/// An object that is read by itself, so that its mistakes stand in their places.
fn read_later<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TlsListener>, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| None)
}

/// An address as text; `null` switches the listener off.
pub(super) fn address_or_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    struct Address;
    impl Visitor<'_> for Address {
        type Value = Option<SocketAddr>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an IP address with its port, such as \"127.0.0.1:7070\", or null for no listener")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            text.parse().map(Some).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(Address)
}

const KEEPALIVE: RangeInclusive<Span> = Span::from_millis(1000)..=Span::from_millis(3_600_000);

/// A day: whoever wants to think for longer can connect again.
const KEEPALIVE_MAXIMUM: RangeInclusive<Span> = Span::from_millis(1000)..=Span::from_millis(86_400_000);

const LONGEST_PREFIX: usize = 64;
