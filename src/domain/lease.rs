//! A lease: the sole right of one holder to write some devices, for some time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{
    Argument, Arguments, ClientId, Code, Datum, DeviceName, Principal, Refusal, Span, Target, ThresholdOrder,
    UserName,
};

/// The fencing token of a lease: a number that only rises, so that what was meant under an earlier lease is told
/// from what is meant now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseToken(pub u64);

/// Who holds a lease: a user at a client, on whichever connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The user, where the client has said who it is.
    pub user: Option<UserName>,
    /// The client.
    pub client: ClientId,
}

/// Which devices an order is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// These, at least one.
    Devices(Vec<Target>),
    /// All there are.
    Everything,
}

/// What a lease lasts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bond {
    /// Its holder, on whichever connection.
    Holder,
    /// The connection on which it was asked for.
    Connection,
}

/// What a client wants done with leases.
#[derive(Debug, Clone, PartialEq)]
pub enum LeaseOrder {
    /// A lease on all of these devices, or on none.
    Acquire {
        /// On which.
        scope: Scope,
        /// How long it lasts without being renewed.
        ttl: Duration,
        /// How long to wait until the devices are free; zero for not at all.
        wait: Duration,
        /// What it lasts with.
        bond: Bond,
    },
    /// Another whole time for a lease.
    Renew(LeaseToken),
    /// A lease is given back.
    Release(LeaseToken),
    /// Every lease on one of these devices ends, whoever holds it.
    Break {
        /// On which.
        scope: Scope,
        /// Why, for its holder.
        reason: String,
    },
}

/// A lease as its holder is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// Its token.
    pub token: LeaseToken,
    /// Its devices, in the order of the configuration.
    pub devices: LeasedDevices,
    /// How long it lasts without being renewed.
    pub ttl: Duration,
    /// When it ends unless it is renewed, in seconds since 1970-01-01T00:00:00Z.
    pub expires: f64,
}

/// The devices of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeasedDevices {
    /// These.
    Some(Vec<DeviceName>),
    /// All there are.
    All,
}

/// Who has the sole right to write a device, as everybody is told; the token is nobody else's business.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenancy {
    /// Who.
    pub holder: Holder,
    /// Since when, in seconds since 1970-01-01T00:00:00Z.
    pub since: f64,
    /// Until when it is sure to last, in seconds since 1970-01-01T00:00:00Z.
    pub expires: f64,
}

/// Something that the holder of a lease has to know.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaseNotice {
    /// Who is told.
    pub holder: Holder,
    /// Of which lease.
    pub token: LeaseToken,
    /// Its devices.
    pub devices: LeasedDevices,
    /// When, in seconds since 1970-01-01T00:00:00Z.
    pub timestamp: f64,
    /// What.
    pub news: LeaseNews,
}

/// What has happened to a lease, or is about to.
#[derive(Debug, Clone, PartialEq)]
pub enum LeaseNews {
    /// It ends after this time, unless it is renewed.
    Ending(Duration),
    /// It has ended.
    Lost(Loss),
}

/// Why a lease has ended against its holder's will.
#[derive(Debug, Clone, PartialEq)]
pub enum Loss {
    /// It was not renewed in time.
    Expired,
    /// The connection that it lasted with has ended.
    Disconnected,
    /// Somebody has broken it.
    Broken {
        /// Who.
        by: Holder,
        /// Why.
        reason: String,
    },
}

/// The shortest and the longest time that a lease lasts without being renewed.
const TTL: (Span, Span) = (Span::from_millis(100), Span::from_millis(3_600_000));
const DEFAULT_TTL: Duration = Duration::from_secs(30);
/// The longest time that a client can wait for a lease.
const LONGEST_WAIT: Span = Span::from_millis(3_600_000);
/// So many devices are named at most, so that their names fit into a frame of the line protocol.
const MOST_DEVICES: usize = 32;
/// The longest reason, in bytes.
const LONGEST_REASON: usize = 200;

impl LeaseOrder {
    /// The verbs of leases.
    pub const VERBS: [&str; 4] = ["lease", "renew", "release", "break"];

    /// The order that a verb and its arguments make; where they are about no `target`, the first argument of `lease`
    /// and `break` says which devices.
    pub fn parse(verb: &str, target: Option<Target>, arguments: &Arguments) -> Result<LeaseOrder, Refusal> {
        let mut argument = arguments.take();
        let order = match verb {
            "lease" => LeaseOrder::Acquire {
                scope: scope(target, &mut argument)?,
                ttl: within("ttl", argument.duration("ttl", TTL.0.0, DEFAULT_TTL)?, TTL.1)?,
                wait: {
                    let wait = argument.duration("wait", Duration::ZERO, Duration::ZERO)?;
                    within("wait", wait, LONGEST_WAIT)?
                },
                bond: bond(argument.optional("connection")?)?,
            },
            "renew" => LeaseOrder::Renew(LeaseToken::read(argument.required("token")?)?),
            "release" => LeaseOrder::Release(LeaseToken::read(argument.required("token")?)?),
            "break" => {
                let scope = scope(target, &mut argument)?;
                LeaseOrder::Break { scope, reason: reason(argument.required("reason")?)? }
            }
            _ => {
                let known = [LeaseOrder::VERBS, ThresholdOrder::VERBS].concat().join(", ");
                let message = format!("system has no action \"{verb:.32}\"; it has {known}");
                return Err(Refusal::new(Code::UnknownAction, message));
            }
        };
        argument.finish()?;
        Ok(order)
    }

    /// The lease that it is about, where it names one.
    pub fn token(&self) -> Option<LeaseToken> {
        match self {
            LeaseOrder::Renew(token) | LeaseOrder::Release(token) => Some(*token),
            LeaseOrder::Acquire { .. } | LeaseOrder::Break { .. } => None,
        }
    }

    /// What it is about, as a client would write it.
    pub fn subject(&self) -> String {
        match self {
            LeaseOrder::Acquire { scope, .. } | LeaseOrder::Break { scope, .. } => scope.to_string(),
            LeaseOrder::Renew(_) | LeaseOrder::Release(_) => "system".to_owned(),
        }
    }
}

impl LeaseToken {
    /// A token as an argument: a number, or a text that is one.
    pub fn read(datum: &Datum) -> Result<LeaseToken, Refusal> {
        /// Below this every whole number has a form of its own.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match datum {
            // Whole, not negative and exact, so nothing is lost.
            Datum::Number(n) if n.fract() == 0.0 && (0.0..EXACT).contains(n) => Ok(LeaseToken(*n as u64)),
            Datum::Text(text) => text.parse(),
            _ => Err(LeaseToken::malformed()),
        }
    }

    fn malformed() -> Refusal {
        Refusal::new(Code::BadValue, "token is the number that came with the lease")
    }
}

impl FromStr for LeaseToken {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<LeaseToken, Refusal> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.map(LeaseToken).ok_or_else(LeaseToken::malformed)
    }
}

impl Holder {
    /// Who a principal is, as far as leases are concerned.
    pub fn of(principal: &Principal) -> Holder {
        Holder { user: principal.user().cloned(), client: principal.client.clone() }
    }

    /// Whether it is this one who asks.
    pub fn is(&self, principal: &Principal) -> bool {
        self.user.as_ref() == principal.user() && self.client == principal.client
    }
}

fn scope(target: Option<Target>, argument: &mut Argument<'_>) -> Result<Scope, Refusal> {
    let Some(target) = target else { return Scope::read(argument.required("devices")?) };
    Ok(Scope::Devices(vec![target]))
}

impl Scope {
    /// `*`, or names of devices with commas or as a list.
    fn read(datum: &Datum) -> Result<Scope, Refusal> {
        let names: Vec<&str> = match datum {
            Datum::Text(all) if all == "*" => return Ok(Scope::Everything),
            Datum::Text(names) => names.split(',').collect(),
            Datum::List(names) => names.iter().map(text).collect::<Option<_>>().unwrap_or_default(),
            _ => Vec::new(),
        };
        if names.is_empty() {
            return Err(Refusal::new(Code::BadValue, "devices are names with commas, or * for all of them"));
        }
        if names.len() > MOST_DEVICES {
            let message = format!("at most {MOST_DEVICES} devices are named; * is all of them");
            return Err(Refusal::new(Code::OutOfRange, message));
        }
        let name = |name: &str| {
            DeviceName::parse(name)
                .map(Target::Device)
                .map_err(|why| Refusal::new(Code::UnknownDevice, format!("no device has such a name: {why}")))
        };
        names.into_iter().map(name).collect::<Result<_, _>>().map(Scope::Devices)
    }
}

fn text(datum: &Datum) -> Option<&str> {
    if let Datum::Text(text) = datum { Some(text) } else { None }
}

fn within(name: &str, given: Duration, longest: Span) -> Result<Duration, Refusal> {
    if given > longest.0 {
        let message = format!("{name} is at most {longest}, not {}", Span(given));
        return Err(Refusal::new(Code::OutOfRange, message));
    }
    Ok(given)
}

fn bond(given: Option<&Datum>) -> Result<Bond, Refusal> {
    let Some(given) = given else { return Ok(Bond::Holder) };
    match given.to_string().as_str() {
        "0" | "false" => Ok(Bond::Holder),
        "1" | "true" => Ok(Bond::Connection),
        _ => Err(Refusal::new(Code::BadValue, "connection is 0 or 1 (over MQTT false or true)")),
    }
}

fn reason(given: &Datum) -> Result<String, Refusal> {
    match given {
        Datum::Text(text) if text.is_empty() || text.len() > LONGEST_REASON => {
            Err(Refusal::new(Code::OutOfRange, format!("reason has 1 to {LONGEST_REASON} bytes")))
        }
        Datum::Text(text) => Ok(text.clone()),
        _ => Err(Refusal::new(Code::BadValue, "reason is a text")),
    }
}

impl fmt::Display for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// As a person would call it: the client, and the user where there is one.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(user) => write!(f, "{user} at {}", self.client),
            None => write!(f, "{}", self.client),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Everything => f.write_str("*"),
            Scope::Devices(targets) => {
                f.write_str(&targets.iter().map(Target::to_string).collect::<Vec<_>>().join(","))
            }
        }
    }
}

impl fmt::Display for LeasedDevices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeasedDevices::All => f.write_str("*"),
            LeasedDevices::Some(names) => {
                f.write_str(&names.iter().map(DeviceName::as_str).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// As a person would write it: `lease(ttl=30s)`.
impl fmt::Display for LeaseOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeaseOrder::Acquire { ttl, .. } => write!(f, "lease(ttl={})", Span(*ttl)),
            // The token is the holder's alone.
            LeaseOrder::Renew(_) => f.write_str("renew"),
            LeaseOrder::Release(_) => f.write_str("release"),
            LeaseOrder::Break { reason, .. } => write!(f, "break({reason})"),
        }
    }
}

impl Loss {
    /// The word that programs decide by: `EXPIRED`, `DISCONNECTED` or `BROKEN`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Loss::Expired => "EXPIRED",
            Loss::Disconnected => "DISCONNECTED",
            Loss::Broken { .. } => "BROKEN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(verb: &str, named: &[(&str, Datum)]) -> Result<LeaseOrder, Code> {
        let named = named.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let arguments = Arguments { positional: Vec::new(), named };
        LeaseOrder::parse(verb, None, &arguments).map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_lease_has_its_defaults_and_its_bounds() {
        let lease = |key, value: &str| parse("lease", &[("devices", "a,b".into()), (key, value.into())]);
        let Ok(LeaseOrder::Acquire { scope, ttl, wait, bond }) = lease("wait", "1.5s") else { panic!() };
        assert_eq!(scope.to_string(), "a,b");
        assert_eq!((ttl, wait, bond), (DEFAULT_TTL, Duration::from_millis(1500), Bond::Holder));
        for (key, value, code) in [
            ("ttl", "99ms", Code::OutOfRange),
            ("ttl", "61min", Code::OutOfRange),
            ("ttl", "soon", Code::BadValue),
            ("wait", "2h", Code::OutOfRange),
            ("connection", "yes", Code::BadValue),
            ("tll", "1s", Code::BadValue),
        ] {
            assert_eq!(lease(key, value), Err(code), "{key}={value}");
        }
        for (key, value) in [("ttl", "100ms"), ("ttl", "1h"), ("wait", "1h"), ("connection", "1")] {
            assert!(lease(key, value).is_ok(), "{key}={value}");
        }
    }

    #[test]
    fn devices_are_names_or_all() {
        let scope = |devices: Datum| parse("lease", &[("devices", devices)]).map(|order| order.subject());
        assert_eq!(scope("*".into()), Ok("*".to_owned()));
        assert_eq!(scope(Datum::List(vec!["a".into(), "b".into()])), Ok("a,b".to_owned()));
        let many = vec![Datum::from("a"); MOST_DEVICES + 1];
        for (devices, code) in [
            (Datum::from(""), Code::UnknownDevice),
            ("a,,b".into(), Code::UnknownDevice),
            (Datum::List(Vec::new()), Code::BadValue),
            (Datum::List(vec![1.0.into()]), Code::BadValue),
            (1.0.into(), Code::BadValue),
            (Datum::Null, Code::MissingKey),
            (Datum::List(many), Code::OutOfRange),
        ] {
            assert_eq!(scope(devices.clone()), Err(code), "{devices}");
        }
    }

    #[test]
    fn a_token_is_a_whole_number_in_either_form() {
        let token = |datum: Datum| LeaseToken::read(&datum).map(|token| token.0).map_err(|r| r.code);
        assert_eq!(token(1_790_000_000_000.0.into()), Ok(1_790_000_000_000));
        assert_eq!(token("18446744073709551615".into()), Ok(u64::MAX));
        for bad in
            [Datum::from(-1.0), 0.5.into(), 1e300.into(), "".into(), "+1".into(), "1.0".into(), true.into()]
        {
            assert_eq!(token(bad.clone()), Err(Code::BadValue), "{bad}");
        }
    }

    #[test]
    fn a_lease_is_broken_for_a_reason() {
        let break_for = |reason: &str| parse("break", &[("devices", "a".into()), ("reason", reason.into())]);
        assert!(break_for("maintenance").is_ok());
        assert_eq!(break_for(""), Err(Code::OutOfRange));
        assert_eq!(break_for(&"x".repeat(201)), Err(Code::OutOfRange));
        assert_eq!(parse("break", &[("devices", "a".into())]), Err(Code::MissingKey));
        assert_eq!(parse("fly", &[]), Err(Code::UnknownAction));
    }
}
