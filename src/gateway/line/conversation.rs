//! One client's conversation: its frames in, replies in their order and events out, until somebody ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use log::debug;

use super::commands::{self, Next};
use super::entering::{Entry, Outside};
use super::translate::{self, Answer, Fields};
use super::watchdog::{Silence, Watchdog};
use crate::domain::{Account, ClientId, Code, Order, Principal, Protocol, Refusal};
use crate::gateway::bus::Membership;
use crate::gateway::orders::Orders;
use crate::gateway::pace::TooFast;
use crate::gateway::{
    Body, Conversation, Delivery, InOrder, Lifetime, Message, Note, Outbox, Shared, access,
};
use crate::net::{Peer, Seat, Seating};
use crate::wire::line::{Frame, Item, Split, Splitter};
use crate::wire::mqtt::{Census, TopicFilter};

/// A client of the line protocol.
pub struct LineConversation {
    pub(super) shared: Shared,
    pub(super) settings: LineSettings,
    pub(super) outbox: Arc<Outbox>,
    pub(super) principal: Arc<Principal>,
    pub(super) watchdog: Watchdog,
    /// Its place on the bus; a client that is only told that it can't be taken, or that is not in yet, has none.
    pub(super) membership: Option<Membership>,
    pub(super) entry: Entry,
    /// Whether a command of it was refused because it is not in.
    pub(super) was_kept_out: bool,
    /// Until what it has signed in with is good no more.
    pub(super) lifetime: Option<Lifetime>,
    /// Whether it chose its client identifier itself.
    pub(super) named: bool,
    splitter: Splitter,
    waiting: InOrder<Asked, Answer>,
    /// Those of them that the hardware thread gets.
    orders: Orders,
    /// What it has subscribed to, as far as it was told.
    subscribed: Vec<TopicFilter>,
    /// How many of the requests that wait are subscriptions.
    subscribing: usize,
    /// Inputs in a row that were no frames.
    unreadable: u32,
    stage: Stage,
    output: Vec<u8>,
    /// How many frames were added to it since they were last counted.
    written: u64,
    /// Given back last, when the client has left the bus.
    pub(super) seat: Seat,
}

/// What the configuration says about this protocol.
#[derive(Debug, Clone, Copy)]
pub struct LineSettings {
    /// How long a client may be silent, unless it asks for something else.
    pub keepalive: Duration,
    /// The longest silence that it may ask for.
    pub keepalive_maximum: Duration,
    /// The longest frame, in bytes.
    pub maximum_frame: usize,
    /// How long it may take to its first frame.
    pub connect_time: Duration,
}

/// A request that waits for its answer.
struct Asked {
    /// The `ID` to echo.
    id: Option<Box<str>>,
    then: Then,
}

/// What it means when a request succeeds.
pub(super) enum Then {
    /// The answer says everything.
    Answer,
    /// This is to be replied; else it has its old name again.
    Renamed(Fields, Arc<Principal>),
    /// Messages of these filters may follow.
    Subscribed(Vec<TopicFilter>),
    /// No message of these filters may follow.
    Unsubscribed(Vec<TopicFilter>),
}

enum Stage {
    /// Everything goes its way.
    Open,
    /// Nothing more is read.  When the last answer is written it is over, perhaps with a reason.
    Leaving(Option<Refusal>),
    Over,
}

/// The ticket of what nobody waits for.
pub(super) const NOBODY: u64 = u64::MAX;
/// So many requests may wait for their answers.
const WINDOW: usize = 32;
/// With so many bytes unwritten no more requests are taken.
const FULL: usize = 16 << 10;
/// So many messages are taken at once.
const ROOM: usize = 256;
/// So many unreadable inputs in a row are too many.
const UNREADABLE: u32 = 16;

impl LineConversation {
    /// Begins with a client that was just accepted, and takes it to the bus if there is a seat for it.
    pub fn new(
        shared: Shared,
        settings: LineSettings,
        outbox: Arc<Outbox>,
        peer: impl Into<Peer>,
        number: u64,
        seat: Seat,
        now: Instant,
    ) -> LineConversation {
        // A word, a dash and a number: none of it can be wrong in an identifier.
        let client = ClientId::parse(&format!("line-{number}")).expect("a valid client id");
        let Peer { address, certificate_name } = peer.into();
        let (account, entry) = match shared.entrance.unnamed() {
            Some(account) => (account, Entry::In),
            None => {
                let outside = Outside { until: now + settings.connect_time, certificate: None };
                (Arc::new(Account::nobody()), Entry::Outside(outside))
            }
        };
        let protocol = Protocol::Line;
        let principal = Arc::new(Principal { client, address, protocol, certificate_name, account });
        let mut conversation = LineConversation {
            splitter: Splitter::new(settings.maximum_frame),
            watchdog: Watchdog::new(settings.keepalive, settings.connect_time, now),
            orders: Orders::new(&shared),
            shared,
            settings,
            outbox,
            principal,
            membership: None,
            entry,
            was_kept_out: false,
            lifetime: None,
            named: false,
            waiting: InOrder::default(),
            subscribed: Vec::new(),
            subscribing: 0,
            unreadable: 0,
            stage: Stage::Open,
            output: Vec::new(),
            written: 0,
            seat,
        };
        match conversation.seat.outlook() {
            Seating::Full => conversation.say_goodbye(&Refusal::too_many_clients()),
            Seating::Seated => conversation.arrive(),
        }
        conversation
    }

    /// Keeps a place among the replies for an answer that is to come; gives its ticket.
    pub(super) fn ask(&mut self, frame: &Frame<'_>, then: Then) -> u64 {
        self.subscribing += usize::from(matches!(then, Then::Subscribed(_)));
        self.waiting.push(Asked { id: frame.get("ID").map(Box::from), then })
    }

    /// Has an order for the hardware thread, which gets all of one input together and does not carry it out any more
    /// when it has expired.
    pub(super) fn order(
        &mut self,
        frame: &Frame<'_>,
        mut order: Order,
        expires: Option<Instant>,
        now: Instant,
    ) -> Result<Next, Refusal> {
        if let Err(TooFast { refusal, audited }) = self.orders.admit(now) {
            if let Some(audited) = audited {
                self.audit_refused(frame, &audited);
            }
            return Ok(Next::Refuse(refusal));
        }
        access::order(&self.shared.registry, &self.principal, &mut order)?;
        let ticket = self.ask(frame, Then::Answer);
        self.orders.add(&self.principal, order, expires, &self.outbox, ticket);
        Ok(Next::Wait)
    }

    /// Says why it is about to leave the bus.
    pub(super) fn part(&mut self, why: &'static str) {
        if let Some(membership) = &mut self.membership {
            membership.part(why);
        }
    }

    /// Reads no more, and is over when everything is answered.
    pub(super) fn leave(&mut self, why: Option<Refusal>) {
        if let Stage::Open = self.stage {
            if let Some(why) = &why {
                self.part(why.code.as_str());
            }
            self.stage = Stage::Leaving(why);
        }
    }

    fn take(&mut self, item: Item<'_>, now: Instant) {
        match item {
            Item::Frame(bytes) => match Frame::parse(bytes) {
                Ok(frame) => self.carry_out(&frame, now),
                Err(malformed) => self.misread(Code::Malformed, malformed.what, malformed.id.as_deref()),
            },
            Item::Malformed(malformed) => {
                self.misread(Code::Malformed, malformed.what, malformed.id.as_deref());
            }
            Item::TooLong { id } => {
                self.misread(Code::FrameTooLong, "the frame is longer than the limit", id.as_deref());
            }
            Item::Stray => {
                self.misread(Code::Malformed, "this is no frame; a frame begins with |START|", None)
            }
        }
        self.write_answers();
    }

    fn carry_out(&mut self, frame: &Frame<'_>, now: Instant) {
        // With its first frame it has introduced itself, or with its credentials.
        if matches!(self.entry, Entry::In) && self.seat.take() == Seating::Full {
            return self.say_goodbye(&Refusal::too_many_clients());
        }
        self.unreadable = 0;
        self.watchdog.heard(now);
        match commands::carry_out(self, frame, now) {
            Ok(Next::Wait) => {}
            Ok(Next::Reply(fields)) => self.answer(frame.get("ID"), Answer::Done(fields)),
            Ok(Next::Refuse(refusal)) => self.answer(frame.get("ID"), Answer::Refused(refusal)),
            Err(refusal) => {
                self.audit_refused(frame, &refusal);
                self.answer(frame.get("ID"), Answer::Refused(refusal));
            }
        }
    }

    /// Answers what is no frame.
    fn misread(&mut self, code: Code, what: &'static str, id: Option<&str>) {
        debug!("{}: {what}", self.principal.client);
        self.answer(id, Answer::Refused(Refusal::new(code, what)));
        self.unreadable += 1;
        if self.unreadable == UNREADABLE {
            self.leave(Some(Refusal::new(
                Code::Malformed,
                "16 inputs in a row were no frames; protocol.md describes them",
            )));
        }
    }

    /// Replies as soon as everything before is answered.
    fn answer(&mut self, id: Option<&str>, answer: Answer) {
        if self.waiting.is_empty() {
            translate::reply(&mut self.output, id, &answer);
            self.written += 1;
        } else {
            let ticket = self.waiting.push(Asked { id: id.map(Box::from), then: Then::Answer });
            self.waiting.answer(ticket, answer);
        }
    }

    fn write_answers(&mut self) {
        while let Some((Asked { id, then }, answer)) = self.waiting.pop() {
            self.subscribing -= usize::from(matches!(then, Then::Subscribed(_)));
            let answer = match (then, answer) {
                (Then::Renamed(fields, _), Answer::Done(_)) => Answer::Done(fields),
                (Then::Renamed(_, before), answer) => {
                    self.principal = before;
                    answer
                }
                (Then::Subscribed(filters), answer @ Answer::Refused(_)) => {
                    self.give_up(filters);
                    answer
                }
                (then, Answer::Done(fields)) => {
                    self.note_subscription(then);
                    Answer::Done(fields)
                }
                (_, answer) => answer,
            };
            translate::reply(&mut self.output, id.as_deref(), &answer);
            self.written += 1;
        }
        if let Stage::Leaving(why) = &mut self.stage {
            if self.waiting.is_empty() {
                if let Some(why) = why.take() {
                    translate::closing(&mut self.output, &why);
                    self.written += 1;
                }
                self.stage = Stage::Over;
            }
        }
    }

    /// Of several filters some may have been granted where another was not: it is all of them or none.
    fn give_up(&self, mut filters: Vec<TopicFilter>) {
        if filters.len() < 2 {
            return;
        }
        filters.retain(|filter| !self.subscribed.contains(filter));
        if let Some(membership) = &self.membership {
            membership.unsubscribe(filters, NOBODY);
        }
    }

    fn note_subscription(&mut self, then: Then) {
        match then {
            Then::Subscribed(mut filters) => {
                filters.retain(|filter| !self.subscribed.contains(filter));
                self.subscribed.append(&mut filters);
            }
            Then::Unsubscribed(filters) => self.subscribed.retain(|filter| !filters.contains(filter)),
            Then::Answer | Then::Renamed(..) => {}
        }
    }

    /// Ends at once, whatever still waits.
    fn say_goodbye(&mut self, why: &Refusal) {
        if !self.is_over() {
            translate::closing(&mut self.output, why);
            self.written += 1;
            self.stage = Stage::Over;
            self.part(why.code.as_str());
            self.orders.end();
        }
    }
}

impl Conversation for LineConversation {
    fn receive(&mut self, bytes: &[u8], now: Instant) -> usize {
        let (mut taken, mut frames) = (0, 0);
        while self.can_receive() {
            let Split { consumed, item } = self.splitter.split(&bytes[taken..]);
            taken += consumed;
            match item {
                Some(item) => {
                    frames += u64::from(matches!(item, Item::Frame(_)));
                    self.take(item, now);
                }
                None => break,
            }
        }
        if frames > 0 {
            self.shared.counters.line.frames_received.add(frames);
        }
        self.orders.hand_over();
        taken
    }

    fn can_receive(&self) -> bool {
        let has_room = self.waiting.len() < WINDOW && self.output.len() < FULL;
        // What follows its credentials depends on them.
        matches!(self.stage, Stage::Open) && has_room && !self.is_waiting()
    }

    fn expects_answer(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn end_of_input(&mut self, rest: &[u8], now: Instant) {
        if let Some(item) = self.splitter.finish(rest) {
            self.take(item, now);
        }
        self.orders.end();
        self.leave(None);
        self.write_answers();
    }

    fn note(&mut self, note: Note, now: Instant) {
        if self.is_over() {
            return;
        }
        let answered = match note {
            Note::Verdict(ticket, verdict) => self.judged(ticket, verdict, now),
            note => translate::answer(note),
        };
        let Some((ticket, answer)) = answered else { return };
        self.waiting.answer(ticket, answer);
        self.write_answers();
    }

    fn room(&self) -> usize {
        // What a subscription brings comes after its reply.
        if self.subscribing == 0 { ROOM } else { 0 }
    }

    fn deliver(&mut self, delivery: Delivery, _now: Instant) {
        if self.is_over() {
            return;
        }
        let Message { topic, body, .. } = &*delivery.message;
        // Who listens to a device hears of its alerts.
        let topic = match body {
            Body::Alert(news, _) => self.shared.topics.states(&news.alert.device).first().unwrap_or(topic),
            _ => topic,
        };
        // What was on its way when a subscription ended does not follow the reply that says so.
        let wanted = |filter: &TopicFilter| filter.matches(topic);
        let before = self.output.len();
        translate::event(&mut self.output, &self.shared.topics, &delivery, || {
            self.subscribed.iter().any(wanted)
        });
        self.written += u64::from(self.output.len() > before);
    }

    fn close(&mut self, why: Refusal, _now: Instant) {
        self.say_goodbye(&why);
    }

    fn tick(&mut self, now: Instant) {
        if self.lifetime.as_mut().is_some_and(|lifetime| lifetime.is_over(now)) {
            self.lifetime = None;
            return self.say_goodbye(&Refusal::expired());
        }
        if !matches!(self.stage, Stage::Open) {
            return;
        }
        if self.outside_until().is_some_and(|until| until <= now) {
            let message = "nobody has said in time who is here";
            return self.say_goodbye(&Refusal::new(Code::AccessDenied, message));
        }
        match self.watchdog.tick(now) {
            Silence::Fine => {}
            // Nothing is read from a client while so much of what it asked for waits.
            _ if self.waiting.len() >= WINDOW || self.is_waiting() => self.watchdog.heard(now),
            Silence::Ask => {
                translate::keepalive(&mut self.output);
                self.written += 1;
            }
            Silence::Close => self
                .say_goodbye(&Refusal::new(Code::TooSlow, "nothing was heard for two keepalive intervals")),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let heard = matches!(self.stage, Stage::Open).then(|| self.watchdog.due());
        let outside = self.outside_until().filter(|_| heard.is_some());
        let expires = self.lifetime.filter(|_| !self.is_over()).map(|lifetime| lifetime.due());
        [heard, outside, expires].into_iter().flatten().min()
    }

    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    fn count_output(&mut self, _counted: usize) -> Census {
        Census { packets: std::mem::take(&mut self.written), publishes: 0 }
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }
}
