//! A client of the line protocol without a socket, a clock, a bus or hardware: the tests are all of these.

mod commands;
mod connection;
mod events;
mod limits;
mod served;

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{LineConversation, LineSettings};
use crate::control::{Commands, Request, Requests};
use crate::domain::{
    ActionSpec, Datum, DeviceName, Entry, Model, Order, Outcome, Refusal, Registry, Reply, State,
};
use crate::gateway::mqtt::store::Journal;
use crate::gateway::{
    Bus, BusThread, Conversation, Delivery, Done, Mailbox, Message, Note, Outbox, OutboxLimits, Shared,
    Topics,
};
use crate::net::Admission;
use crate::wire::mqtt::{QoS, TopicName};

/// One connection.
struct Talk {
    line: LineConversation,
    requests: Requests,
    outbox: Arc<Outbox>,
    now: Instant,
    _mailbox: Mailbox,
}

const SETTINGS: LineSettings = LineSettings {
    keepalive: Duration::from_secs(3),
    keepalive_maximum: Duration::from_secs(3600),
    maximum_frame: 4096,
    connect_time: Duration::from_secs(10),
};

static ON: ActionSpec = ActionSpec { name: "on", summary: "switches it on", parameters: &[] };
static READ: ActionSpec = ActionSpec { name: "read", summary: "reads it", parameters: &[] };

fn registry() -> Registry {
    let entry = |name: &str, kind, lines: &[(&'static str, u32)], least| Entry {
        name: device(name),
        kind,
        summary: "a thing",
        lines: lines.iter().map(|(role, offset)| (*role, "sim".to_owned(), *offset)).collect(),
        channels: Vec::new(),
        actions: vec![&ON, &READ],
        unit: None,
        values: Vec::new(),
        range: (least, 1.0),
        safety: vec![("on_stop", Datum::from("hold"))],
    };
    Registry {
        devices: vec![
            entry("led", "led", &[("line", 17)], 0.0),
            entry("motor", "motor", &[("forward", 5), ("backward", 6)], -1.0),
            Entry {
                unit: Some("°C"), safety: Vec::new(), ..entry("button", "button", &[("line", 22)], 0.0)
            },
        ],
        backend: "simulated",
        simulated: true,
        model: Model { name: Some("Raspberry Pi 400 Rev 1.0".to_owned()), revision: Some(0xc0_3130) },
    }
}

fn device(name: &str) -> DeviceName {
    DeviceName::parse(name).expect("a valid name")
}

fn state(name: &str, value: f64, seq: u64) -> Arc<State> {
    Arc::new(State {
        device: device(name),
        kind: "led",
        event: if value > 0.0 { "on" } else { "off" },
        value: Ok(value),
        seq,
        timestamp: 1790000000.25,
        edge: None,
        fields: Vec::new(),
    })
}

fn shared(commands: Commands, bus: Bus) -> Shared {
    let registry = Arc::new(registry());
    Shared {
        commands,
        bus,
        topics: Arc::new(Topics::new("pi", &registry)),
        registry,
        admission: Admission::new(8, 8),
        started: Instant::now(),
        outbox: OutboxLimits { messages: 1000, bytes: 1 << 20 },
        journal: Journal::default(),
        counters: Arc::default(),
        commands_per_second: NonZeroU32::MAX,
        entrance: crate::auth::Entrance::open(),
    }
}

impl Talk {
    fn new() -> Talk {
        Talk::with(Admission::new(8, 8), SETTINGS)
    }

    fn with(admission: Admission, settings: LineSettings) -> Talk {
        let (commands, requests) = Commands::unattended();
        let (bus, mailbox) = BusThread::prepare();
        let shared = shared(commands, bus);
        let outbox = Arc::new(Outbox::new(shared.outbox).expect("an eventfd"));
        let peer: std::net::SocketAddr = ([127, 0, 0, 1], 5000).into();
        let now = Instant::now();
        let seat = admission.enter(peer.ip()).expect("the door is open");
        let line = LineConversation::new(shared, settings, outbox.clone(), peer, 7, seat, now);
        Talk { line, requests, outbox, now, _mailbox: mailbox }
    }

    /// Sends bytes; what is replied at once.
    fn say(&mut self, text: &str) -> String {
        let taken = self.line.receive(text.as_bytes(), self.now);
        assert!(taken == text.len() || !self.line.can_receive() || !text.ends_with('\n'), "{taken} {text}");
        self.heard()
    }

    /// Sends the fields as one frame.
    fn ask(&mut self, fields: &str) -> String {
        self.say(&format!("|START|{fields}|END|\n"))
    }

    /// What came since the last time, without the brackets of frames; one line for each.
    fn heard(&mut self) -> String {
        let bytes = std::mem::take(self.line.output());
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert!(text.is_empty() || text.ends_with("|END|\n"), "{text}");
        let plain = text.lines().map(|line| line.trim_start_matches("|START|").trim_end_matches("|END|"));
        plain.collect::<Vec<_>>().join("\n")
    }

    /// The command that the hardware thread got, as a person would write it.
    fn commanded(&mut self) -> String {
        match self.requests.take() {
            Some(Request { order: Order::Command(command), .. }) => {
                let token = command.token.map_or_else(String::new, |token| format!(" under {token}"));
                format!("{} {}{token}", command.target, command.action)
            }
            Some(Request { order: Order::Lease(order), .. }) => format!("{} {order}", order.subject()),
            Some(Request { order: Order::Fault(order), .. }) => format!("{} {order}", order.subject()),
            Some(Request { order: Order::Threshold(order), .. }) => format!("{} {order}", order.subject()),
            None => "nothing".to_owned(),
        }
    }

    /// Takes the answers that wait in the outbox, as the pump does.
    fn answered(&mut self) -> String {
        let (mut notes, mut deliveries) = (VecDeque::new(), VecDeque::new());
        self.outbox.take(&mut notes, &mut deliveries, 0);
        notes.into_iter().for_each(|note| self.line.note(note, self.now));
        self.heard()
    }

    /// Answers with a state, or a refusal, as the hardware thread does.
    fn hardware(&mut self, ticket: u64, outcome: Result<Arc<State>, Refusal>) -> String {
        self.outcome(ticket, outcome.map(Reply::State))
    }

    /// Answers as the hardware thread does.
    fn outcome(&mut self, ticket: u64, outcome: Outcome) -> String {
        self.line.note(Note::Outcome(ticket, outcome), self.now);
        self.heard()
    }

    /// Answers as the bus does.
    fn bus(&mut self, ticket: u64, done: Result<Done, Refusal>) -> String {
        self.line.note(Note::Done(ticket, done), self.now);
        self.heard()
    }

    /// Passes a message on, if there is room for it.
    fn deliver(&mut self, message: Message, retain: bool) -> String {
        assert!(self.line.room() > 0);
        let message = Arc::new(message);
        let delivery = Delivery { retain, ..Delivery::new(message, QoS::AtMostOnce) };
        self.line.deliver(delivery, self.now);
        self.heard()
    }

    /// Lets time pass.
    fn wait(&mut self, time: Duration) -> String {
        self.now += time;
        self.line.tick(self.now);
        self.heard()
    }
}

fn state_message(state: Arc<State>) -> Message {
    Message::state(topic(&format!("pi/devices/{}/state", state.device)), state)
}

fn topic(name: &str) -> TopicName {
    TopicName::parse(name).expect("a valid topic")
}

/// The code of an error reply.
fn code(reply: &str) -> &str {
    let rest = reply.split_once("REPLY=ERROR|CODE=").map_or(reply, |(_, rest)| rest);
    rest.split('|').next().unwrap_or(rest)
}

/// Everything that is in an outbox.
fn emptied(outbox: &Outbox) -> (VecDeque<Note>, VecDeque<Delivery>) {
    let (mut notes, mut deliveries) = Default::default();
    outbox.take(&mut notes, &mut deliveries, usize::MAX);
    (notes, deliveries)
}
