//! An outbox: what others have for one client, bounded, until the client's thread takes it.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::mqtt::kept::Kept;
use super::mqtt::store::SessionNumber;
use super::{Delivery, LongQueue};
use crate::auth::Verdict;
use crate::control::Recipient;
use crate::domain::{Code, Outcome, Refusal};
use crate::net::{Interest, Ready, Waker, wait};
use crate::wire::mqtt::{QoS, ReasonCode};

/// What waits for one client.
#[derive(Debug)]
pub struct Outbox {
    queue: Mutex<Queue>,
    waker: Waker,
    answered: Condvar,
    limits: OutboxLimits,
}

/// How much may wait for one client.
#[derive(Debug, Clone, Copy, Default)]
pub struct OutboxLimits {
    /// Messages.
    pub messages: usize,
    /// Their bytes, about.
    pub bytes: usize,
}

/// An answer to something that the client asked for.  The client bounds how many it waits for.
#[derive(Debug)]
pub enum Note {
    /// What became of a command, under its ticket.
    Outcome(u64, Outcome),
    /// What became of a request to the bus, under its ticket.
    Done(u64, Result<Done, Refusal>),
    /// Who the client is that has shown credentials, or why that is not known; under its ticket.
    Verdict(u64, Verdict),
    /// What the client's thread has posted to the journal under this number is on the disk.
    Durable(u64),
}

/// What the bus did.
#[derive(Debug)]
pub enum Done {
    /// The client has joined, under this identifier, and found what its earlier session has kept; and under which
    /// number its session is written down.
    Joined(Option<Box<Kept>>, Option<SessionNumber>),
    /// The message was passed on; true if anybody wanted it.
    Published(bool),
    /// The subscriptions were made, each with the quality of service that was granted or the reason why not.
    Subscribed(Vec<ReasonCode>),
    /// The subscriptions were ended, each with its reason code.
    Unsubscribed(Vec<ReasonCode>),
}

/// What a look into the outbox found beside what was taken.
#[derive(Debug, Default)]
pub struct Taken {
    /// There are messages that there was no room for.  Nobody rings for them again.
    pub more: bool,
    /// Whether and why to close.
    pub closing: Option<Refusal>,
    /// What was lost since the last look.
    pub(super) lost: Lost,
}

/// Messages that could not wait any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lost {
    /// Thrown away together with the client.
    pub(super) dropped: u64,
    /// States that gave way to newer ones.
    pub(super) replaced: u64,
}

#[derive(Debug, Default)]
struct Queue {
    notes: VecDeque<Note>,
    deliveries: LongQueue<Delivery>,
    bytes: usize,
    /// So much more may wait, because it belongs to answers.
    granted: OutboxLimits,
    closing: Option<Refusal>,
    lost: Lost,
    /// Something has come since the client's thread last looked.
    news: bool,
    reader: Reader,
}

/// What the client's thread does, and so what wakes it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// It is busy, and looks before it sleeps.
    #[default]
    Awake,
    /// It waits for an answer and for nothing else.
    Expecting,
    /// It waits for its socket and the waker.
    Asleep,
}

/// How long an answer is expected before the socket is looked at again.  Most come within microseconds.
const EXPECTATION: Duration = Duration::from_millis(20);

impl Outbox {
    /// An empty one.
    pub fn new(limits: OutboxLimits) -> io::Result<Outbox> {
        let (queue, answered) = (Mutex::new(Queue::default()), Condvar::new());
        Ok(Outbox { queue, waker: Waker::new()?, answered, limits })
    }

    /// Waits a moment for something to come; false when nothing has.  That is cheaper than waiting for the waker,
    /// and for who has asked for something most probably enough.
    pub fn expect(&self) -> bool {
        let mut queue = self.queue();
        if !queue.news {
            queue.reader = Reader::Expecting;
            let waited = self.answered.wait_timeout_while(queue, EXPECTATION, |queue| !queue.news);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            queue.reader = Reader::Awake;
        }
        queue.news
    }

    /// Waits for the socket, for something to come or for `until`; not at all when something has come since the
    /// last look.
    pub fn sleep(
        &self,
        socket: BorrowedFd<'_>,
        interest: Interest,
        until: Option<Instant>,
    ) -> io::Result<Ready> {
        let mut queue = self.queue();
        if queue.news {
            return Ok(Ready::default());
        }
        queue.reader = Reader::Asleep;
        drop(queue);
        let ready = wait(socket, interest, &self.waker, until);
        // Whatever comes from now on is seen at the next look.
        self.queue().reader = Reader::Awake;
        ready
    }

    /// What [`Outbox::sleep`] is woken by.
    pub fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Adds an answer.
    pub fn note(&self, note: Note) {
        let mut queue = self.queue();
        queue.notes.push_back(note);
        self.ring(queue);
    }

    /// Adds an answer and the messages that follow it, so that nothing comes in between.  There is room for all of
    /// these, because the client has asked for them: who answers bounds the [backlog](Outbox::backlog).
    pub fn note_and_deliver(&self, note: Note, deliveries: LongQueue<Delivery>) {
        let weight = deliveries.iter().map(|delivery| delivery.message.weight()).sum::<usize>();
        let mut queue = self.queue();
        queue.notes.push_back(note);
        queue.granted.messages += deliveries.len();
        queue.granted.bytes += weight;
        queue.bytes += weight;
        if queue.deliveries.is_empty() {
            queue.deliveries = deliveries;
        } else {
            queue.deliveries.extend(deliveries);
        }
        self.ring(queue);
    }

    /// How many of the messages that follow answers still wait, at most.
    pub fn backlog(&self) -> usize {
        self.queue().granted.messages
    }

    /// Adds a message.  Where it does not fit, older states of the same devices give way to newer ones; where
    /// that does not help, the client is too slow and is closed; and the number of the message is given, if it has one.
    pub fn deliver(&self, delivery: Delivery) -> Option<u64> {
        let mut queue = self.queue();
        let lost = queue.add(delivery, self.limits);
        self.ring(queue);
        lost
    }

    /// Ends the conversation, after what was answered already.  The first reason counts.
    pub fn close(&self, why: Refusal) {
        let mut queue = self.queue();
        queue.closing.get_or_insert(why);
        self.ring(queue);
    }

    /// Takes every answer and at most `room` messages.
    pub fn take(
        &self,
        notes: &mut VecDeque<Note>,
        deliveries: &mut VecDeque<Delivery>,
        room: usize,
    ) -> Taken {
        let mut queue = self.queue();
        queue.news = false;
        notes.append(&mut queue.notes);
        for _ in 0..room {
            let Some(delivery) = queue.deliveries.pop_front() else { break };
            let weight = delivery.message.weight();
            queue.bytes -= weight;
            queue.granted.messages = queue.granted.messages.saturating_sub(1);
            queue.granted.bytes = queue.granted.bytes.saturating_sub(weight);
            deliveries.push_back(delivery);
        }
        if queue.deliveries.is_empty() {
            // Some may have given way to newer ones.
            queue.granted = OutboxLimits::default();
        }
        let lost = std::mem::take(&mut queue.lost);
        Taken { more: !queue.deliveries.is_empty(), closing: queue.closing.clone(), lost }
    }

    /// Gives up what is for the session and not for this connection: every message, and what an earlier connection has
    /// kept and this one has not taken over.  Answers stay, for a conversation may still wait for them.
    pub fn give_up(&self) -> (LongQueue<Delivery>, Option<Box<Kept>>) {
        let mut queue = self.queue();
        queue.bytes = 0;
        let mut kept = None;
        for note in &mut queue.notes {
            if let Note::Done(_, Ok(Done::Joined(found, _))) = note {
                kept = kept.or(found.take());
            }
        }
        (std::mem::take(&mut queue.deliveries), kept)
    }

    /// How many messages wait; nothing where the conversation is to end.
    pub fn waiting(&self) -> Option<usize> {
        let queue = self.queue();
        queue.closing.is_none().then_some(queue.deliveries.len())
    }

    fn ring(&self, mut queue: MutexGuard<'_, Queue>) {
        queue.news = true;
        let reader = std::mem::take(&mut queue.reader);
        drop(queue);
        match reader {
            Reader::Awake => {}
            Reader::Expecting => self.answered.notify_one(),
            Reader::Asleep => self.waker.wake(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Whoever panicked while it had the lock left a queue that is whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Gives the number of what is written down and has no room.
    fn add(&mut self, delivery: Delivery, limits: OutboxLimits) -> Option<u64> {
        // What was promised to arrive may still go to the next connection of the session.
        if self.closing.is_some() && delivery.qos == QoS::AtMostOnce {
            return None;
        }
        let number = delivery.number;
        let OutboxLimits { messages, bytes } = limits;
        let is_full = |queue: &Queue| {
            queue.deliveries.len() > messages + queue.granted.messages
                || queue.bytes > bytes + queue.granted.bytes
        };
        self.bytes += delivery.message.weight();
        self.deliveries.push_back(delivery);
        if is_full(self) {
            self.coalesce();
        }
        if is_full(self) {
            let newest = self.deliveries.pop_back();
            self.bytes -= newest.map_or(0, |newest| newest.message.weight());
            self.lost.dropped += 1;
            if self.closing.is_none() {
                let before = self.deliveries.len();
                self.closing = Some(Refusal::new(
                    Code::TooSlow,
                    format!("{before} messages were waiting and none was read"),
                ));
                self.deliveries.retain(|delivery| delivery.qos != QoS::AtMostOnce);
                self.lost.dropped += (before - self.deliveries.len()) as u64;
                self.bytes = self.deliveries.iter().map(|delivery| delivery.message.weight()).sum();
            }
            return (number != 0).then_some(number);
        }
        None
    }

    /// Keeps of each state topic the newest message, in its place.
    fn coalesce(&mut self) {
        let (mut seen, before) = (HashSet::new(), self.deliveries.len());
        let newest_first = self.deliveries.iter().rev();
        let kept: Vec<bool> = newest_first
            .map(|delivery| !delivery.message.is_state() || seen.insert(&delivery.message.topic))
            .collect();
        let mut kept = kept.into_iter().rev();
        self.deliveries.retain(|_| kept.next().unwrap_or(true));
        self.bytes = self.deliveries.iter().map(|delivery| delivery.message.weight()).sum();
        self.lost.replaced += (before - self.deliveries.len()) as u64;
    }
}

impl Recipient for Outbox {
    fn answer(&self, ticket: u64, outcome: Outcome) {
        self.note(Note::Outcome(ticket, outcome));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{DeviceName, State};
    use crate::gateway::Message;
    use crate::wire::mqtt::TopicName;

    fn outbox(messages: usize) -> Outbox {
        Outbox::new(OutboxLimits { messages, bytes: 1 << 20 }).expect("an eventfd")
    }

    fn delivery(message: Message) -> Delivery {
        Delivery::new(Arc::new(message), QoS::AtMostOnce)
    }

    fn state(device: &str, seq: u64) -> Delivery {
        let state = State {
            device: DeviceName::parse(device).expect("valid"),
            kind: "led",
            event: "on",
            value: Ok(1.0),
            seq,
            timestamp: 0.0,
            edge: None,
            fields: Vec::new(),
        };
        let topic = TopicName::parse(&format!("pi/devices/{device}/state")).expect("valid");
        delivery(Message::state(topic, Arc::new(state)))
    }

    fn text(topic: &str) -> Delivery {
        delivery(Message::own(TopicName::parse(topic).expect("valid"), *b"x", false))
    }

    fn take(outbox: &Outbox, room: usize) -> (Vec<String>, Option<Code>) {
        let (mut notes, mut deliveries) = (VecDeque::new(), VecDeque::new());
        let closing = outbox.take(&mut notes, &mut deliveries, room).closing;
        (deliveries.iter().map(|d| d.message.topic.to_string()).collect(), closing.map(|r| r.code))
    }

    #[test]
    fn every_event_is_kept_while_there_is_room() {
        let outbox = outbox(4);
        for seq in 1..=4 {
            outbox.deliver(state("a", seq));
        }
        assert_eq!(take(&outbox, 3).0.len(), 3);
        assert_eq!(take(&outbox, 3), (vec!["pi/devices/a/state".to_owned()], None));
    }

    #[test]
    fn at_the_bound_newer_states_replace_older_ones() {
        let outbox = outbox(4);
        for seq in 1..=2 {
            outbox.deliver(state("a", seq));
            outbox.deliver(state("b", seq));
        }
        outbox.deliver(text("t"));
        assert_eq!(outbox.queue().lost, Lost { dropped: 0, replaced: 2 });
        let (topics, closing) = take(&outbox, 100);
        assert_eq!(topics, ["pi/devices/a/state", "pi/devices/b/state", "t"]);
        assert_eq!(closing, None);
    }

    #[test]
    fn what_is_given_up_leaves_the_answers() {
        let outbox = outbox(4);
        outbox.note(Note::Done(0, Ok(Done::Joined(Some(Box::default()), None))));
        outbox.note(Note::Durable(7));
        outbox.deliver(text("t"));
        let (deliveries, kept) = outbox.give_up();
        assert!(deliveries.len() == 1 && kept.is_some());
        let mut notes = VecDeque::new();
        assert!(!outbox.take(&mut notes, &mut VecDeque::new(), 9).more);
        assert!(matches!(notes.make_contiguous(), [Note::Done(0, _), Note::Durable(7)]), "{notes:?}");
    }

    #[test]
    fn past_the_bound_the_client_is_closed() {
        let outbox = outbox(4);
        for _ in 0..6 {
            outbox.deliver(text("t"));
        }
        assert_eq!(outbox.queue().lost, Lost { dropped: 5, replaced: 0 });
        assert_eq!(take(&outbox, 100), (vec![], Some(Code::TooSlow)));
    }

    #[test]
    fn what_belongs_to_an_answer_has_room_until_it_is_taken() {
        let outbox = outbox(4);
        let batch = (0..20).map(|number| text(&number.to_string())).collect();
        outbox.note_and_deliver(Note::Done(1, Ok(Done::Published(true))), batch);
        for _ in 0..4 {
            outbox.deliver(text("t"));
        }
        assert_eq!(outbox.backlog(), 20);
        assert_eq!(take(&outbox, 19).0.len(), 19);
        assert_eq!(outbox.backlog(), 1);
        assert_eq!(take(&outbox, 1), (vec!["19".to_owned()], None));
        assert_eq!(outbox.backlog(), 0);
        outbox.deliver(text("one too many"));
        assert_eq!(take(&outbox, 100).1, Some(Code::TooSlow));
    }

    #[test]
    fn what_is_promised_outlives_the_closing() {
        let outbox = outbox(4);
        let promised = |topic| Delivery { qos: QoS::AtLeastOnce, ..text(topic) };
        for topic in ["1", "2"] {
            outbox.deliver(promised(topic));
            outbox.deliver(text("lost"));
        }
        outbox.deliver(promised("too many"));
        for topic in ["3", "4", "too many again"] {
            outbox.deliver(text("lost"));
            outbox.deliver(promised(topic));
        }
        let (topics, closing) = take(&outbox, 100);
        assert_eq!(closing, Some(Code::TooSlow));
        assert_eq!(topics, ["1", "2", "3", "4"]);
    }
}
