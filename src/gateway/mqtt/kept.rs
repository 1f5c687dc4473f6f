//! What a session keeps while its client is not connected.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::gateway::Delivery;
use crate::wire::mqtt::{PacketId, SubscribeOptions, TopicFilter};

/// How a client's session begins, and how long it outlives the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Whether an earlier session is thrown away [MQTT-3.1.2-4].
    pub clean: bool,
    /// How long it is kept.
    pub expiry: Expiry,
}

/// How long a session outlives its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Not at all.
    AtOnce,
    /// For so long.
    After(Duration),
    /// For ever, or as long as the daemon runs where nothing outlives that.
    Never,
}

/// What a client's thread hands back when its connection ends, and what the next one takes over.
#[derive(Debug, Default)]
pub struct Kept {
    /// Messages to the client that it has not acknowledged, in the order in which they were sent.
    pub(super) under_way: Vec<UnderWay>,
    /// Messages of QoS 2 from the client that it has not released.
    pub(super) received: HashMap<PacketId, Progress>,
    /// Its subscriptions that its own responses match.
    pub(super) private: Vec<(TopicFilter, SubscribeOptions, Option<NonZeroU32>)>,
}

/// How far a message of QoS 2 from the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It was handed on, and what comes of it is awaited.
    Pending,
    /// The PUBREC has said that it was taken on.
    Taken,
    /// The connection ended before it was known what came of it.
    Unknown,
}

/// A message that was sent and is not done with.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) id: PacketId,
    pub(super) awaited: Awaited,
    /// The message, as long as it may have to be sent again.
    pub(super) delivery: Option<Delivery>,
    /// Under which number it is written down; 0 where it is not.
    pub(super) number: u64,
}

/// What the client has to say next of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// QoS 1: that it has it [MQTT-4.3.2-3].
    Puback,
    /// QoS 2: that it has it [MQTT-4.3.3-3].
    Pubrec,
    /// QoS 2: that it will not take it for a new one any more [MQTT-4.3.3-5].
    Pubcomp,
}

impl UnderWay {
    /// What of a shared subscription another of the group may get instead: not what is half done already
    /// [MQTT-4.8.2-4..5].
    pub(super) fn shared(&self) -> Option<&Delivery> {
        self.delivery.as_ref().filter(|delivery| delivery.share.is_some() && self.awaited == Awaited::Puback)
    }

    /// About how much memory it takes.
    pub(super) fn weight(&self) -> usize {
        const OWN: usize = 64;
        OWN + self.delivery.as_ref().map_or(0, |delivery| delivery.message.weight())
    }
}

impl Kept {
    /// About how much memory it takes.
    pub(super) fn weight(&self) -> usize {
        const RECEIVED: usize = 8;
        self.under_way.iter().map(UnderWay::weight).sum::<usize>() + RECEIVED * self.received.len()
    }
}

impl Keeping {
    /// A session that is the connection.
    pub const NONE: Keeping = Keeping { clean: true, expiry: Expiry::AtOnce };
}

impl Expiry {
    /// From a Session Expiry Interval [MQTT-3.1.2-23].
    pub fn from_seconds(seconds: u32) -> Expiry {
        match seconds {
            0 => Expiry::AtOnce,
            u32::MAX => Expiry::Never,
            seconds => Expiry::After(Duration::from_secs(seconds.into())),
        }
    }

    /// When a session ends whose connection ends `now`.
    pub fn end(self, now: Instant) -> Option<Instant> {
        match self {
            Expiry::AtOnce => Some(now),
            Expiry::After(time) => Some(now + time),
            Expiry::Never => None,
        }
    }
}
