//! Retained messages: the last one of each topic, for those who subscribe later.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::domain::{Code, Refusal};
use crate::gateway::Message;
use crate::wire::mqtt::{TopicFilter, TopicName};

/// The retained messages, within their limits.
#[derive(Debug)]
pub struct Retained {
    messages: HashMap<TopicName, Kept>,
    bytes: usize,
    /// How many of them are statistics below `$SYS`, which leave the room to others, and their bytes.
    statistics: (usize, usize),
    limits: RetainedLimits,
    /// The place of the next topic among the others.
    next_place: u64,
}

/// One of them, and its place: topics stand in the order in which they first had a message, so that devices stand
/// in the order of the configuration.
#[derive(Debug)]
struct Kept {
    place: u64,
    message: Arc<Message>,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct RetainedLimits {
    /// Messages.
    pub messages: usize,
    /// Their bytes, about.
    pub bytes: usize,
}

impl Retained {
    /// Nothing yet.
    pub fn new(limits: RetainedLimits) -> Retained {
        Retained { messages: HashMap::new(), bytes: 0, statistics: (0, 0), limits, next_place: 0 }
    }

    /// Keeps a message in the place of the one before it [MQTT-3.3.1-5]; an empty one only takes that away
    /// [MQTT-3.3.1-6..7].  The gatekeeper's own are kept whatever the limits say, for there is one per device.
    pub fn keep(&mut self, message: Arc<Message>, now: Instant) -> Result<(), Refusal> {
        let before = self.messages.get(&message.topic).map_or(0, |kept| kept.message.weight());
        if message.is_empty() {
            self.messages.remove(&message.topic);
            self.bytes -= before;
            return Ok(());
        }
        let after = |kept: &Retained| kept.bytes - before + message.weight();
        let crowded = |kept: &Retained| {
            let (messages, bytes) = kept.statistics;
            (before == 0 && kept.messages.len() - messages >= kept.limits.messages)
                || after(kept) - bytes > kept.limits.bytes
        };
        if message.sender.is_some() && crowded(self) {
            self.forget_expired(now);
            let before_is_gone = before != 0 && !self.messages.contains_key(&message.topic);
            if !before_is_gone && crowded(self) {
                return Err(Refusal::new(
                    Code::LimitReached,
                    "no more messages are retained; clear some first",
                ));
            }
        }
        let place = self.messages.get(&message.topic).map_or(self.next_place, |kept| kept.place);
        self.next_place = self.next_place.max(place + 1);
        let replaced = self.messages.insert(message.topic.clone(), Kept { place, message: message.clone() });
        self.bytes -= replaced.map_or(0, |kept| kept.message.weight());
        self.bytes += message.weight();
        if message.topic.as_str().starts_with('$') {
            let (messages, bytes) = self.statistics;
            self.statistics = (messages + usize::from(before == 0), bytes - before + message.weight());
        }
        Ok(())
    }

    /// The messages that a new subscription gets, in the order of their topics' places.
    pub fn matching(&self, filter: &TopicFilter, now: Instant) -> impl Iterator<Item = &Arc<Message>> {
        let mut found: Vec<&Kept> = if filter.has_wildcard() {
            self.messages.values().filter(|kept| filter.matches(&kept.message.topic)).collect()
        } else {
            self.messages.get(filter.filter()).into_iter().collect()
        };
        found.sort_unstable_by_key(|kept| kept.place);
        found.into_iter().map(|kept| &kept.message).filter(move |message| !is_expired(message, now))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// About how many bytes they have.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn forget_expired(&mut self, now: Instant) {
        self.messages.retain(|_, kept| {
            let expired = is_expired(&kept.message, now);
            if expired {
                self.bytes -= kept.message.weight();
            }
            !expired
        });
    }
}

fn is_expired(message: &Message, now: Instant) -> bool {
    message.expires.is_some_and(|expires| expires <= now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::ClientId;

    fn message(topic: &str, payload: &str) -> Arc<Message> {
        let topic = TopicName::parse(topic).expect("valid");
        let sender = Some(ClientId::parse("me").expect("valid"));
        Arc::new(Message { sender, ..Message::own(topic, payload, true) })
    }

    fn topics(retained: &Retained, filter: &str, now: Instant) -> Vec<String> {
        let filter = TopicFilter::parse(filter).expect("valid");
        retained.matching(&filter, now).map(|m| m.topic.to_string()).collect()
    }

    #[test]
    fn the_last_message_of_each_topic_is_kept_and_an_empty_one_clears_it() {
        let mut retained = Retained::new(RetainedLimits { messages: 2, bytes: 10_000 });
        let now = Instant::now();
        for (topic, payload) in [("a/b", "1"), ("a/b", "2"), ("a/c", "3")] {
            retained.keep(message(topic, payload), now).expect("within limits");
        }
        assert!(retained.keep(message("d", "4"), now).is_err());
        assert_eq!(topics(&retained, "a/+", now), ["a/b", "a/c"]);
        retained.keep(message("a/b", ""), now).expect("clears");
        retained
            .keep(Arc::new(Message::own(TopicName::parse("$SYS/x").expect("valid"), "1", true)), now)
            .expect("statistics take no room");
        retained.keep(message("d", "4"), now).expect("room again");
        assert_eq!(topics(&retained, "#", now), ["a/c", "d"]);
        assert_eq!(topics(&retained, "d", now), ["d"]);
        for topic in ["a/c", "d"] {
            retained.keep(message(topic, ""), now).expect("clears");
        }
        assert_eq!((retained.len(), retained.bytes), (retained.statistics.0, retained.statistics.1));
        assert_eq!(topics(&retained, "$SYS/#", now), ["$SYS/x"]);
    }

    #[test]
    fn bytes_are_bounded_and_expired_messages_make_room() {
        let mut retained = Retained::new(RetainedLimits { messages: 100, bytes: 2000 });
        let now = Instant::now();
        let mut short = Message::own(TopicName::parse("s").expect("valid"), vec![b'x'; 1500], true);
        short.expires = Some(now + Duration::from_secs(1));
        retained.keep(Arc::new(short), now).expect("within limits");
        let large = message("l", &"y".repeat(1000));
        assert!(retained.keep(large.clone(), now).is_err());
        let later = now + Duration::from_secs(2);
        assert_eq!(topics(&retained, "#", later), [""; 0]);
        retained.keep(large, later).expect("the expired one went");
    }
}
