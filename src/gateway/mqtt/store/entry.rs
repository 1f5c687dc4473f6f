//! What is written down: one step of a session or of what is retained.

use std::sync::Arc;
use std::time::Instant;

use crate::domain::{ClientId, UserName};
use crate::gateway::mqtt::broker::Subscription;
use crate::gateway::mqtt::kept::{Expiry, Progress};
use crate::gateway::{Delivery, Message};
use crate::wire::mqtt::{PacketId, TopicFilter, TopicName};

/// Which session an entry belongs to; never used twice, so that what a connection says too late means nothing to the
/// next session of the same client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionNumber(pub u64);

/// One step.  What it says of a session that is not there is ignored.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A message is retained, in the place of the one before it.
    Retain(Arc<Message>),
    /// Nothing is retained at this topic any more.
    Clear(TopicName),
    /// A session begins, with nothing in it.
    Begin(SessionNumber, ClientId, Expiry),
    /// It is this user's.
    Owner(SessionNumber, UserName),
    /// It gets a subscription, in the place of the one with the same filter.
    Subscribe(SessionNumber, TopicFilter, Subscription),
    /// It loses one.
    Unsubscribe(SessionNumber, TopicFilter),
    /// A message is for it; the delivery has a number.
    Queue(SessionNumber, Delivery),
    /// The message with this number is about to be sent under this packet identifier.
    Sent(SessionNumber, u64, PacketId),
    /// Of the message with this number, only the PUBREL remains to be sent under this identifier.
    Received(SessionNumber, u64, PacketId),
    /// The message with this number is done with.
    Done(SessionNumber, u64),
    /// Its client has published a message of QoS 2 under this identifier, which was taken on, or nobody knows.
    Incoming(SessionNumber, PacketId, Progress),
    /// That identifier is free again.
    Released(SessionNumber, PacketId),
    /// Its client went, and may have left a will that is due then.
    Left(SessionNumber, Instant, Option<(Arc<Message>, Instant)>),
    /// Its client is there, and this is how long the session outlives the connection.
    Came(SessionNumber, Expiry),
    /// It is over.
    End(SessionNumber),
}
