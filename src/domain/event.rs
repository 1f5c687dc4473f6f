//! What the hardware thread tells: states of devices, and who did what.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{
    Alert, AlertNews, ClientId, Code, Command, Datum, DeviceName, Keeping, Lease, LeaseNotice, LeaseToken,
    Page, Principal, Protocol, Refusal, Standing, Tenancy, UserName, Visitor,
};

/// What a device is, as its hardware says.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Whose state this is.
    pub device: DeviceName,
    /// The device's kind, such as `led`.
    pub kind: &'static str,
    /// What happened last, such as `on` or `pressed`.
    pub event: &'static str,
    /// The value as a number, or what went wrong when it was read.
    pub value: Result<f64, Arc<str>>,
    /// Rises by one with every change of this device, from 1 at start.
    pub seq: u64,
    /// When the change was seen, in seconds since 1970-01-01T00:00:00Z.
    pub timestamp: f64,
    /// The edge that made the change, where one did.
    pub edge: Option<EdgeStamp>,
    /// The kind's own fields.
    pub fields: Vec<(&'static str, Datum)>,
}

/// Which edge of a line it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeStamp {
    /// The kernel's time of it, in nanoseconds of CLOCK_MONOTONIC.
    pub ns: u64,
    /// Its number among the edges of its line, counted from 1 since the line was taken; a `u32` that wraps.  Nothing
    /// where the line was read because edges were lost that nobody counted.
    pub sequence: Option<u32>,
}

/// What became of an order, or why it was refused.
pub type Outcome = Result<Reply, Refusal>;

/// What became of an order that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The device is this now.
    State(Arc<State>),
    /// The client holds this lease.
    Lease(Arc<Lease>),
    /// This threshold is in force.
    Threshold(Arc<Standing>),
    /// A threshold is in force no more; whether that lasts.
    Deleted(Keeping),
    /// These thresholds are in force.
    Thresholds(Arc<Page<Standing>>),
    /// This alert is open.
    Alert(Arc<Alert>),
    /// These alerts are open.
    Alerts(Arc<Page<Arc<Alert>>>),
    /// There is nothing to tell of it.
    Done,
}

/// Something that everybody who may know should hear of.
#[derive(Debug, Clone)]
pub enum Event {
    /// A device changed.
    State(Arc<State>),
    /// Somebody did something, or tried to.
    Audit(Arc<Audit>),
    /// Somebody has the sole right to write a device now, or for longer; or nobody has any more.
    Leased(DeviceName, Option<Arc<Tenancy>>),
    /// The holder of a lease, and nobody else, should hear of this.
    Notice(Arc<LeaseNotice>),
    /// An alert was created or resolved.
    Alert(Arc<AlertNews>),
    /// These alerts of a device are open now, after the one that was told last.
    OpenAlerts(DeviceName, Vec<Arc<Alert>>),
}

/// One entry of the audit: who did what to which device, and what came of it.
#[derive(Debug, Clone)]
pub struct Audit {
    /// When, in seconds since 1970-01-01T00:00:00Z.
    pub timestamp: f64,
    /// Who.
    pub who: Who,
    /// What was done, or was to be done.
    pub deed: Deed,
    /// The lease that it was about, or was meant under.
    pub token: Option<LeaseToken>,
    /// The code of the refusal, or nothing when it was carried out.
    pub refused: Option<(Code, String)>,
    /// The device's value before.
    pub old: Option<f64>,
    /// The device's value after.
    pub new: Option<f64>,
}

/// Who is behind an audit entry.
#[derive(Debug, Clone)]
pub enum Who {
    /// The gatekeeper does it of itself.
    Gatekeeper,
    /// A client.
    Client(Arc<Principal>),
    /// Somebody who is on the way in, or was kept out.
    Visitor(Arc<Visitor>),
    /// Whoever came from there.
    Address(IpAddr),
}

/// What is known of who is behind an audit entry.
#[derive(Debug, Clone, Default)]
pub struct Identity<'a> {
    /// The client id.
    pub client: Option<&'a ClientId>,
    /// The user.
    pub user: Option<&'a UserName>,
    /// Where it comes from, with the port where there is a connection.
    pub address: Option<String>,
    /// What it speaks.
    pub protocol: Option<&'a Protocol>,
    /// The name in its certificate.
    pub certificate: Option<&'a String>,
}

impl Who {
    /// What is known of it; of the gatekeeper nothing.
    pub fn identity(&self) -> Identity<'_> {
        match self {
            Who::Gatekeeper => Identity::default(),
            Who::Address(address) => Identity { address: Some(address.to_string()), ..Identity::default() },
            Who::Client(who) => Identity {
                client: Some(&who.client),
                user: who.user(),
                address: Some(who.address.to_string()),
                protocol: Some(&who.protocol),
                certificate: who.certificate_name.as_ref(),
            },
            Who::Visitor(who) => Identity {
                client: who.client.as_ref(),
                user: who.user.as_ref(),
                address: Some(who.address.to_string()),
                protocol: Some(&who.protocol),
                certificate: who.certificate_name.as_ref(),
            },
        }
    }
}

/// What an audit entry is about.
#[derive(Debug, Clone)]
pub enum Deed {
    /// A command that reached the hardware thread.
    Command(Command),
    /// Something that ended before it was a command, or that is none: what it was about, and what it was.
    Other(String, String),
}

impl Audit {
    /// The entry of something that was done at `timestamp`, seconds since 1970-01-01T00:00:00Z, and changed no value.
    pub fn new(timestamp: f64, who: Who, deed: Deed) -> Audit {
        let token = match &deed {
            Deed::Command(command) => command.token,
            Deed::Other(..) => None,
        };
        Audit { timestamp, who, deed, token, refused: None, old: None, new: None }
    }

    /// The same, which was refused, if it was.
    #[must_use]
    pub fn refused<'a>(self, refusal: impl Into<Option<&'a Refusal>>) -> Audit {
        let refused = refusal.into().map(|refusal| (refusal.code, refusal.message.to_string()));
        Audit { refused, ..self }
    }

    /// The entry of something that was refused before it reached the hardware thread, now.
    pub fn refusal(principal: Arc<Principal>, deed: Deed, refusal: &Refusal) -> Audit {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        Audit::new(timestamp, Who::Client(principal), deed).refused(refusal)
    }
}

impl Deed {
    /// The device as the client named it.
    pub fn device(&self) -> String {
        match self {
            Deed::Command(command) => command.target.to_string(),
            Deed::Other(device, _) => device.clone(),
        }
    }

    /// The action with its arguments, as a person would write it.
    pub fn action(&self) -> String {
        match self {
            Deed::Command(command) => command.action.to_string(),
            Deed::Other(_, action) => action.clone(),
        }
    }
}
