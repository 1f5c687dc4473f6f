//! The ledger: what the broker has to write down, until a step of it is complete.

use std::sync::Arc;

use crate::gateway::mqtt::store::{Entry, Journal, SessionNumber};
use crate::gateway::{Message, Note, Outbox, Space, Topics};
use crate::wire::mqtt::PacketId;

/// The message of QoS 2 that a publication is: in which session, and under which identifier.
pub type Incoming = (SessionNumber, PacketId);

/// Entries that count together or not at all, on their way to the journal.
#[derive(Debug)]
pub(super) struct Ledger {
    journal: Journal,
    entries: Vec<Entry>,
    /// The number of the next session or message.
    next: u64,
    /// Something was posted since the last answer.
    posted: Posted,
}

/// Whether an answer has something to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Posted {
    Nothing,
    Something,
}

impl Ledger {
    pub(super) fn new(journal: Journal) -> Ledger {
        Ledger { journal, entries: Vec::new(), next: 1, posted: Posted::Nothing }
    }

    /// Numbers go on from here.
    pub(super) fn begin_with(&mut self, next: u64) {
        self.next = next;
    }

    pub(super) fn is_on(&self) -> bool {
        self.journal.is_on()
    }

    /// A number that nothing has had before.
    pub(super) fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Adds an entry, where anything is written down.
    pub(super) fn add(&mut self, entry: Entry) {
        if self.is_on() {
            self.entries.push(entry);
        }
    }

    /// Adds an entry of a session, if that is one which is written down.
    pub(super) fn of(&mut self, session: Option<SessionNumber>, entry: impl FnOnce(SessionNumber) -> Entry) {
        if let Some(session) = session {
            self.add(entry(session));
        }
    }

    /// Posts what belongs together; before anybody is told of it.
    pub(super) fn commit(&mut self) {
        if !self.entries.is_empty() {
            self.journal.post(std::mem::take(&mut self.entries), None);
            self.posted = Posted::Something;
        }
    }

    /// What is answered from now on need not wait for what was posted before.
    pub(super) fn begin_letter(&mut self) {
        self.posted = Posted::Nothing;
    }

    /// Gives an answer when everything is on the disk that has been posted for it.
    pub(super) fn answer(&mut self, outbox: Arc<Outbox>, note: Note) {
        self.commit();
        match self.posted {
            Posted::Something => self.journal.post(Vec::new(), Some((outbox, note))),
            Posted::Nothing => outbox.note(note),
        }
    }
}

/// Whether a message is written down: what a client has said, and not what the gatekeeper says itself, which it will
/// say again.
pub(super) fn keeps(topics: &Topics, message: &Message) -> bool {
    message.sender.is_some() && !matches!(topics.space(&message.topic), Space::Reserved | Space::Response(_))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::domain::ClientId;
    use crate::gateway::mqtt::kept::Expiry;
    use crate::gateway::{Done, OutboxLimits};
    use crate::wire::mqtt::TopicName;

    fn answered(outbox: &Outbox) -> usize {
        let mut notes = VecDeque::new();
        outbox.take(&mut notes, &mut VecDeque::new(), 0);
        notes.len()
    }

    #[test]
    fn an_answer_waits_for_what_was_posted_for_it_and_for_nothing_else() {
        let (journal, posts, _) = Journal::open();
        let mut ledger = Ledger::new(journal);
        let outbox = Outbox::new(OutboxLimits { messages: 9, bytes: 999 }).expect("an eventfd");
        let outbox = Arc::new(outbox);
        let note = || Note::Done(1, Ok(Done::Published(true)));
        let client = ClientId::parse("me").expect("valid");
        ledger.add(Entry::Begin(SessionNumber(1), client, Expiry::Never));
        ledger.add(Entry::End(SessionNumber(1)));
        ledger.answer(outbox.clone(), note());
        assert_eq!(answered(&outbox), 0);
        let posted: Vec<_> =
            posts.try_iter().map(|post| (post.entries.len(), post.answer.is_some())).collect();
        assert_eq!(posted, [(2, false), (0, true)]);
        ledger.begin_letter();
        ledger.answer(outbox.clone(), note());
        assert_eq!((answered(&outbox), posts.try_iter().count()), (1, 0));
        drop(posts);
        ledger.add(Entry::End(SessionNumber(1)));
        ledger.answer(outbox.clone(), note());
        assert_eq!(answered(&outbox), 1, "a store that has ended holds nobody up");
    }

    #[test]
    fn what_the_gatekeeper_says_itself_is_not_written_down() {
        let topics = Topics::new("pi", &crate::domain::Registry::default());
        let keeps = |topic: &str, sender: Option<&str>| {
            let sender = sender.map(|name| ClientId::parse(name).expect("valid"));
            let own = Message::own(TopicName::parse(topic).expect("valid"), "x", true);
            super::keeps(&topics, &Message { sender, ..own })
        };
        assert!(keeps("home/lamp", Some("me")) && keeps("pi/vars/t", Some("me")));
        assert!(keeps("pi/nodes/you/message", Some("me")));
        assert!(!keeps("pi/nodes/me/status", Some("me")) && !keeps("answers/me", None));
        assert!(!keeps("pi/devices/led/state", None) && !keeps("pi/rpc/responses/me", None));
    }
}
