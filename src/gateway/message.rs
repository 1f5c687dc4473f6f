//! A message on its way through the bus, and one delivery of it to one client.

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::mqtt::json;
use crate::domain::{AlertNews, Audit, ClientId, DeviceName, LeaseNotice, State, Tenancy};
use crate::wire::mqtt::{Properties, QoS, TopicFilter, TopicName};

/// Something that was published.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where.
    pub topic: TopicName,
    /// What.
    pub body: Body,
    /// With which quality of service.
    pub qos: QoS,
    /// Whether it is kept for those who subscribe later.
    pub retain: bool,
    /// The publisher's properties that are passed on.
    pub properties: Properties,
    /// When it is worthless.
    pub expires: Option<Instant>,
    /// Who published it; nobody for what the gatekeeper says itself.
    pub sender: Option<ClientId>,
}

/// The payload, as it was first known.
#[derive(Debug, Clone)]
pub enum Body {
    /// Bytes.
    Bytes(Vec<u8>),
    /// A device's state, which becomes JSON when somebody wants it so.
    State(Arc<State>, OnceLock<Vec<u8>>),
    /// What the holder of a lease has to know, which becomes JSON likewise.
    Notice(Arc<LeaseNotice>, OnceLock<Vec<u8>>),
    /// What has become of an alert, which becomes JSON likewise.
    Alert(Arc<AlertNews>, OnceLock<Vec<u8>>),
    /// Who has the sole right to write a device, which becomes JSON likewise; nothing at all where nobody has.
    Lease(DeviceName, Option<Arc<Tenancy>>, OnceLock<Vec<u8>>),
    /// An entry of the audit, which becomes JSON likewise.
    Audit(Arc<Audit>, OnceLock<Vec<u8>>),
    /// A record of the daemon's log, which becomes JSON likewise.
    Log(LogRecord, OnceLock<Vec<u8>>),
}

/// A record of the daemon's log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// When, in seconds since 1970-01-01T00:00:00Z.
    pub timestamp: f64,
    /// How bad it is: `error`, `warn` or `info`.
    pub level: &'static str,
    /// Which part of the daemon says so.
    pub target: String,
    /// What it says, for people.
    pub message: String,
}

/// One message for one client.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The message.
    pub message: Arc<Message>,
    /// The quality of service for this client.
    pub qos: QoS,
    /// The retain flag for this client.
    pub retain: bool,
    /// The identifiers of the subscriptions that it is delivered for.
    pub subscription_ids: Vec<NonZeroU32>,
    /// The shared subscription that it is delivered for: another of the group may get it instead.
    pub share: Option<TopicFilter>,
    /// Under which number it is written down; 0 where it is not.
    pub number: u64,
}

impl Delivery {
    /// A message as it is passed on for no subscription in particular.
    pub fn new(message: Arc<Message>, qos: QoS) -> Delivery {
        Delivery { message, qos, retain: false, subscription_ids: Vec::new(), share: None, number: 0 }
    }
}

impl Message {
    /// What the gatekeeper itself has to say.
    pub fn own(topic: TopicName, payload: impl Into<Vec<u8>>, retain: bool) -> Message {
        Message {
            topic,
            body: Body::Bytes(payload.into()),
            qos: QoS::AtLeastOnce,
            retain,
            properties: Properties::new(),
            expires: None,
            sender: None,
        }
    }

    /// A device's state, which is retained.
    pub fn state(topic: TopicName, state: Arc<State>) -> Message {
        Message { body: Body::State(state, OnceLock::new()), ..Message::own(topic, Vec::new(), true) }
    }

    /// What the holder of a lease has to know; who is away when it is told learns it from the retained leases.
    pub fn notice(topic: TopicName, notice: Arc<LeaseNotice>) -> Message {
        Message { body: Body::Notice(notice, OnceLock::new()), ..Message::own(topic, Vec::new(), false) }
    }

    /// What has become of an alert; who comes later learns which are open from what is retained.
    pub fn alert(topic: TopicName, news: Arc<AlertNews>) -> Message {
        Message { body: Body::Alert(news, OnceLock::new()), ..Message::own(topic, Vec::new(), false) }
    }

    /// Who has the sole right to write a device, which is retained as long as somebody has.
    pub fn lease(topic: TopicName, device: DeviceName, tenancy: Option<Arc<Tenancy>>) -> Message {
        let body = Body::Lease(device, tenancy, OnceLock::new());
        Message { body, ..Message::own(topic, Vec::new(), true) }
    }

    /// An entry of the audit.
    pub fn audit(topic: TopicName, audit: Arc<Audit>) -> Message {
        Message { body: Body::Audit(audit, OnceLock::new()), ..Message::own(topic, Vec::new(), false) }
    }

    /// A record of the daemon's log.
    pub fn log(topic: TopicName, record: LogRecord) -> Message {
        Message { body: Body::Log(record, OnceLock::new()), ..Message::own(topic, Vec::new(), false) }
    }

    /// The payload as MQTT carries it.
    pub fn payload(&self) -> &[u8] {
        match &self.body {
            Body::Bytes(bytes) => bytes,
            Body::State(state, encoded) => encoded.get_or_init(|| json::state(state)),
            Body::Notice(notice, encoded) => encoded.get_or_init(|| json::notice(notice)),
            Body::Alert(news, encoded) => encoded.get_or_init(|| json::alert_news(news)),
            Body::Lease(_, None, _) => &[],
            Body::Lease(device, Some(tenancy), encoded) => {
                encoded.get_or_init(|| json::tenancy(device, tenancy))
            }
            Body::Audit(audit, encoded) => encoded.get_or_init(|| json::audit(audit)),
            Body::Log(record, encoded) => encoded.get_or_init(|| json::log_record(record)),
        }
    }

    /// Whether the payload is empty; it is not made for that.
    pub fn is_empty(&self) -> bool {
        match &self.body {
            Body::Bytes(bytes) => bytes.is_empty(),
            Body::Lease(_, tenancy, _) => tenancy.is_none(),
            _ => false,
        }
    }

    /// About how much memory it takes.
    pub fn weight(&self) -> usize {
        const FRAME: usize = 200;
        let body = match &self.body {
            Body::Bytes(bytes) => bytes.len(),
            Body::State(..) | Body::Notice(..) | Body::Alert(..) | Body::Lease(..) => FRAME,
            // What clients write into it has no such bound.
            Body::Audit(..) => self.payload().len(),
            Body::Log(record, _) => FRAME + record.target.len() + record.message.len(),
        };
        FRAME + self.topic.as_str().len() + body
    }

    /// Whether a newer message of the same topic makes this one worthless.
    pub fn is_state(&self) -> bool {
        matches!(self.body, Body::State(..) | Body::Lease(..))
    }
}
