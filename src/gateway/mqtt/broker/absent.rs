//! Sessions whose clients are not connected: what they subscribed to goes on, and their messages wait.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use log::debug;

use super::MemberId;
use crate::domain::{ClientId, Principal};
use crate::gateway::mqtt::kept::Kept;
use crate::gateway::mqtt::store::SessionNumber;
use crate::gateway::{Delivery, LongQueue, Message, OutboxLimits};
use crate::wire::mqtt::{QoS, TopicFilter};

/// All of them, within their limits.
#[derive(Debug)]
pub(super) struct Absents {
    sessions: HashMap<MemberId, Absent>,
    by_client: HashMap<ClientId, MemberId>,
    /// What waits in all of them, in bytes and messages.
    bytes: usize,
    messages: usize,
    /// Messages that there was no room for, and sessions whose time was over, since the start.
    pub(super) dropped: usize,
    pub(super) expired: usize,
    limits: AbsentLimits,
}

/// How much is kept for clients that are not connected.
#[derive(Debug, Clone, Copy)]
pub struct AbsentLimits {
    /// Sessions; the one that was left first gives way.
    pub sessions: usize,
    /// What may wait for one of them.
    pub queue: OutboxLimits,
    /// Bytes that may wait for all of them.
    pub bytes: usize,
}

/// A will, and whose it is.
pub type OwnedWill = (Arc<Principal>, Message);

/// A will that is due, and the session that has lost it now: its number, and when it was left.
pub(super) type DueWill = (Option<SessionNumber>, Instant, OwnedWill);

/// One of them.
#[derive(Debug)]
pub(super) struct Absent {
    pub(super) principal: Arc<Principal>,
    pub(super) filters: Vec<TopicFilter>,
    pub(super) kept: Box<Kept>,
    pub(super) queue: LongQueue<Delivery>,
    /// The will that is published if the client does not come back before then.
    pub(super) will: Option<(Message, Instant)>,
    /// When the session ends.
    pub(super) until: Option<Instant>,
    pub(super) left: Instant,
    /// Under which number it is written down.
    pub(super) session: Option<SessionNumber>,
    bytes: usize,
}

impl Absent {
    /// A session that was left `now`.
    pub(super) fn new(
        principal: Arc<Principal>,
        filters: Vec<TopicFilter>,
        kept: Box<Kept>,
        will: Option<(Message, Instant)>,
        until: Option<Instant>,
        now: Instant,
    ) -> Absent {
        let (queue, session) = (LongQueue::default(), None);
        Absent { principal, filters, kept, queue, will, until, left: now, session, bytes: 0 }
    }
}

impl Absents {
    pub(super) fn new(limits: AbsentLimits) -> Absents {
        Absents {
            sessions: HashMap::new(),
            by_client: HashMap::new(),
            bytes: 0,
            messages: 0,
            dropped: 0,
            expired: 0,
            limits,
        }
    }

    /// How many sessions there are, how many messages wait for them, and about how many bytes are kept for them.
    pub(super) fn extent(&self) -> (usize, usize, usize) {
        (self.sessions.len(), self.messages, self.bytes)
    }

    /// Adds one; where there are too many, those that were left first are handed back to be ended.
    pub(super) fn add(&mut self, id: MemberId, mut absent: Absent) -> Vec<(MemberId, Absent)> {
        absent.bytes = absent.kept.weight();
        let mut ended = Vec::new();
        while self.sessions.len() >= self.limits.sessions || self.bytes + absent.bytes > self.limits.bytes {
            let first = self.sessions.iter().min_by_key(|(_, absent)| absent.left).map(|(id, _)| *id);
            let Some((id, absent)) = first.and_then(|id| self.remove(id).map(|absent| (id, absent))) else {
                break;
            };
            ended.push((id, absent));
        }
        self.bytes += absent.bytes;
        self.by_client.insert(absent.principal.client.clone(), id);
        self.sessions.insert(id, absent);
        ended
    }

    pub(super) fn get(&self, id: MemberId) -> Option<&Absent> {
        self.sessions.get(&id)
    }

    /// Those whose owners are such.
    pub(super) fn whose(&self, such: impl Fn(&Arc<Principal>) -> bool) -> Vec<(MemberId, ClientId)> {
        let found = self.sessions.iter().filter(|(_, absent)| such(&absent.principal));
        found.map(|(id, absent)| (*id, absent.principal.client.clone())).collect()
    }

    /// Its owner has other rights now.
    pub(super) fn identify(&mut self, id: MemberId, principal: Arc<Principal>) {
        if let Some(absent) = self.sessions.get_mut(&id) {
            absent.principal = principal;
        }
    }

    /// The session of this client, to be looked at.
    pub(super) fn find(&self, client: &str) -> Option<&Absent> {
        self.by_client.get(client).and_then(|id| self.sessions.get(id))
    }

    /// The session of this client.
    pub(super) fn take(&mut self, client: &ClientId) -> Option<(MemberId, Absent)> {
        let id = *self.by_client.get(client)?;
        self.remove(id).map(|absent| (id, absent))
    }

    /// Whether one more message has room.
    pub(super) fn has_room(&self, id: MemberId, message: &Message) -> bool {
        let OutboxLimits { messages, bytes } = self.limits.queue;
        let weight = message.weight();
        self.sessions.get(&id).is_some_and(|absent| {
            absent.queue.len() < messages
                && absent.bytes + weight <= bytes
                && self.bytes + weight <= self.limits.bytes
        })
    }

    /// Puts a message by; false where there is no room or no need [MQTT-4.5.0-1].
    pub(super) fn queue(&mut self, id: MemberId, delivery: Delivery) -> bool {
        let has_room = self.has_room(id, &delivery.message);
        let Some(absent) = self.sessions.get_mut(&id) else { return false };
        if delivery.qos == QoS::AtMostOnce {
            return false;
        }
        if !has_room {
            debug!("{}: no room for {} while it is away", absent.principal.client, delivery.message.topic);
            self.dropped += 1;
            return false;
        }
        let weight = delivery.message.weight();
        absent.bytes += weight;
        self.bytes += weight;
        self.messages += 1;
        absent.queue.push_back(delivery);
        true
    }

    /// When the next will is due, or the next session ends.
    pub(super) fn due(&self) -> Option<Instant> {
        let wills = self.sessions.values().filter_map(|absent| absent.will.as_ref().map(|(_, due)| *due));
        self.sessions.values().filter_map(|absent| absent.until).chain(wills).min()
    }

    /// The wills that are due, each with whose it was, and the sessions that end [MQTT-4.1.0-2].
    pub(super) fn settle(&mut self, now: Instant) -> (Vec<DueWill>, Vec<(MemberId, Absent)>) {
        let ended: Vec<MemberId> = self
            .sessions
            .iter()
            .filter(|(_, absent)| absent.until.is_some_and(|until| until <= now))
            .map(|(id, _)| *id)
            .collect();
        self.expired += ended.len();
        let ended = ended.into_iter().filter_map(|id| self.remove(id).map(|absent| (id, absent))).collect();
        let due = self.sessions.values_mut().filter_map(|absent| {
            let (will, _) = absent.will.take_if(|(_, due)| *due <= now)?;
            Some((absent.session, absent.left, (absent.principal.clone(), will)))
        });
        (due.collect(), ended)
    }

    fn remove(&mut self, id: MemberId) -> Option<Absent> {
        let absent = self.sessions.remove(&id)?;
        self.by_client.remove(&absent.principal.client);
        self.bytes -= absent.bytes;
        self.messages -= absent.queue.len();
        Some(absent)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::Account;
    use crate::domain::Protocol;
    use crate::wire::mqtt::TopicName;

    const LIMITS: AbsentLimits =
        AbsentLimits { sessions: 3, queue: OutboxLimits { messages: 2, bytes: 2000 }, bytes: 3000 };

    fn absent(name: &str, until: Option<Instant>, left: Instant) -> Absent {
        let client = ClientId::parse(name).expect("valid");
        let (address, protocol) = (([127, 0, 0, 1], 1).into(), Protocol::Mqtt);
        let account = Account::everybody().into();
        let principal = Principal { client, address, protocol, certificate_name: None, account };
        Absent::new(Arc::new(principal), Vec::new(), Box::default(), None, until, left)
    }

    fn delivery(qos: QoS, bytes: usize) -> Delivery {
        let message = Message::own(TopicName::parse("t").expect("valid"), vec![0; bytes], false);
        Delivery::new(Arc::new(message), qos)
    }

    fn names(ended: &[(MemberId, Absent)]) -> Vec<&str> {
        ended.iter().map(|(_, absent)| absent.principal.client.as_str()).collect()
    }

    #[test]
    fn a_queue_is_bounded_in_messages_and_bytes_and_takes_no_quality_0() {
        let mut absents = Absents::new(LIMITS);
        let now = Instant::now();
        let [one, two, three] = [1, 2, 3].map(MemberId);
        for (id, name) in [(one, "a"), (two, "b"), (three, "c")] {
            assert!(absents.add(id, absent(name, None, now)).is_empty());
        }
        let queued = |absents: &mut Absents, id, qos, bytes| absents.queue(id, delivery(qos, bytes));
        assert!(!queued(&mut absents, one, QoS::AtMostOnce, 1));
        assert!(queued(&mut absents, one, QoS::AtLeastOnce, 1));
        assert!(!queued(&mut absents, one, QoS::AtLeastOnce, 1900), "its own bytes");
        assert!(queued(&mut absents, one, QoS::AtLeastOnce, 1));
        assert!(!queued(&mut absents, one, QoS::AtLeastOnce, 1), "its own messages");
        assert!(queued(&mut absents, two, QoS::ExactlyOnce, 1700));
        assert!(!queued(&mut absents, three, QoS::AtLeastOnce, 1000), "the bytes of all");
        assert_eq!((absents.extent().0, absents.extent().1, absents.dropped), (3, 3, 3));
        let client = ClientId::parse("b").expect("valid");
        let (id, taken) = absents.take(&client).expect("it is there");
        assert_eq!((id, taken.queue.len()), (two, 1));
        assert!(queued(&mut absents, three, QoS::AtLeastOnce, 1000), "there is room again");
        assert!(!queued(&mut absents, two, QoS::AtLeastOnce, 1), "it is not absent any more");
    }

    #[test]
    fn the_one_that_was_left_first_gives_way() {
        let mut absents = Absents::new(LIMITS);
        let now = Instant::now();
        for number in 0..3 {
            let left = now + Duration::from_secs(number);
            assert!(absents.add(MemberId(number), absent(&format!("c{number}"), None, left)).is_empty());
        }
        let fourth = absent("c3", None, now + Duration::from_secs(3));
        assert_eq!(names(&absents.add(MemberId(3), fourth)), ["c0"]);
        assert_eq!(absents.sessions.len(), 3);
    }

    #[test]
    fn sessions_end_in_their_time() {
        let mut absents = Absents::new(LIMITS);
        let now = Instant::now();
        let later = now + Duration::from_secs(5);
        absents.add(MemberId(1), absent("ends", Some(later), now));
        absents.add(MemberId(2), absent("stays", None, now));
        assert_eq!(absents.due(), Some(later));
        assert!(absents.settle(now).1.is_empty());
        assert_eq!(names(&absents.settle(later).1), ["ends"]);
        assert_eq!((absents.due(), absents.sessions.len()), (None, 1));
    }
}
