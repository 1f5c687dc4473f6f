//! A message on its way through the bus, and one delivery of it to one client.

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::mqtt::json;
use crate::domain::{AlertNews, ClientId, LeaseNotice, State};
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

    /// The payload as MQTT carries it.
    pub fn payload(&self) -> &[u8] {
        match &self.body {
            Body::Bytes(bytes) => bytes,
            Body::State(state, encoded) => encoded.get_or_init(|| json::state(state)),
            Body::Notice(notice, encoded) => encoded.get_or_init(|| json::notice(notice)),
            Body::Alert(news, encoded) => encoded.get_or_init(|| json::alert_news(news)),
        }
    }

    /// Whether the payload is empty; it is not made for that.
    pub fn is_empty(&self) -> bool {
        matches!(&self.body, Body::Bytes(bytes) if bytes.is_empty())
    }

    /// About how much memory it takes.
    pub fn weight(&self) -> usize {
        const FRAME: usize = 200;
        let body = match &self.body {
            Body::Bytes(bytes) => bytes.len(),
            Body::State(..) | Body::Notice(..) | Body::Alert(..) => FRAME,
        };
        FRAME + self.topic.as_str().len() + body
    }

    /// Whether a newer message of the same topic makes this one worthless.
    pub fn is_state(&self) -> bool {
        matches!(self.body, Body::State(..))
    }
}
