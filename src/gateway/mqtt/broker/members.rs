//! A member: one client that has joined the bus, in whichever protocol.

use std::sync::Arc;

use crate::domain::Principal;
use crate::gateway::mqtt::kept::Keeping;
use crate::gateway::mqtt::store::SessionNumber;
use crate::gateway::{Message, Outbox};
use crate::wire::mqtt::TopicFilter;

/// Which connection a member is; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub u64);

/// One client.
#[derive(Debug)]
pub struct Member {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// Whether it chose its client identifier itself, and so is known to others by it.
    pub named: bool,
    /// Where its messages go.
    pub outbox: Arc<Outbox>,
    /// What is published for it, once, when its connection ends without a goodbye [MQTT-3.1.2-7] [MQTT-3.1.2-10].
    pub will: Option<Message>,
    /// How its session began, and how long it outlives this connection.
    pub keeping: Keeping,
    /// What it has subscribed to, each filter once.
    pub filters: Vec<TopicFilter>,
    /// Under which number its session is written down.
    pub session: Option<SessionNumber>,
}
