//! A whole gatekeeper without threads, sockets and clocks: what happens, and when, is up to the test.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gpio_gatekeeper::auth::{Directory, Entrance};
use gpio_gatekeeper::config;
use gpio_gatekeeper::control::{Commands, Controller, Now, Plan, Planned, Requests, devices};
use gpio_gatekeeper::daemon;
use gpio_gatekeeper::domain::{Event, Protocol, Registry};
use gpio_gatekeeper::gateway::mqtt::broker::{AbsentLimits, RetainedLimits};
use gpio_gatekeeper::gateway::mqtt::store::{self, Journal, Mirror};
use gpio_gatekeeper::gateway::mqtt::{MqttConversation, MqttSettings};
use gpio_gatekeeper::gateway::{
    Attended, Bus, BusThread, Conversation, DeskSettings, Outbox, OutboxLimits, Shared, Topics,
};
use gpio_gatekeeper::hardware::{EdgeSink, Simulation};
use gpio_gatekeeper::net::Admission;

use super::network::{Network, Patience};

/// The devices there are.
const CONFIGURATION: &str = r#"{
    "hardware": {"backend": "simulated"},
    "devices": {"led": {"led": {"line": "GPIO17"}}, "lamp": {"pwm_led": {"line": "GPIO18"}}}
}"#;

/// How much may wait, in all that has limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// More than any trial needs.
    Generous,
    /// So little that much of it is lost.
    Tight,
}

/// What of it outlives a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// Nothing.
    Off,
    /// Sessions and retained messages, as far as they are durable.
    File,
}

/// The gatekeeper.
pub struct Stage {
    now: Instant,
    limits: Limits,
    store: Option<store::Attended>,
    shared: Shared,
    bus: Bus,
    attended: Attended,
    requests: Requests,
    controller: Controller,
    connections: Vec<Connection>,
}

/// What one client's thread would own, and the bytes on the way in both directions.
struct Connection {
    conversation: Option<MqttConversation>,
    outbox: Arc<Outbox>,
    input: Vec<u8>,
    output: Vec<u8>,
    closed: bool,
}

/// With so many bytes unread by the client it is sent no more.
const FULL: usize = 64 << 10;

impl Stage {
    /// A gatekeeper that has just been started.
    pub fn new(limits: Limits, persistence: Persistence) -> Stage {
        let kept = (persistence == Persistence::File).then(Mirror::default);
        Stage::start(Instant::now(), limits, kept)
    }

    /// A gatekeeper that finds what another has left.
    fn start(now: Instant, limits: Limits, kept: Option<Mirror>) -> Stage {
        let (store, journal) = match kept.clone().map(store::Attended::open) {
            Some((store, journal)) => (Some(store), journal),
            None => (None, Journal::default()),
        };
        let config = config::load(CONFIGURATION, "trial", &daemon::kinds()).expect("it is good");
        let plan = config.devices.into_iter().map(|device| Planned {
            kind: devices::find(device.kind).expect("the configuration knows it"),
            name: device.name,
            blueprint: device.blueprint,
        });
        let edges: EdgeSink = Arc::new(|_| {});
        let (controller, registry) = Controller::build(
            Box::new(Simulation::new()),
            None,
            Plan { devices: plan.collect(), ..Plan::default() },
            &edges,
            at(now),
        )
        .expect("simulated hardware");
        let (commands, requests) = Commands::unattended();
        let (bus, mailbox) = BusThread::prepare();
        let shared =
            Shared { journal: journal.clone(), ..shared(limits, registry, commands, bus.clone(), now) };
        let queue = shared.outbox;
        let settings = DeskSettings {
            topics: shared.topics.clone(),
            registry: shared.registry.clone(),
            commands: shared.commands.clone(),
            counters: shared.counters.clone(),
            maximum_subscriptions: 20,
            retained: match limits {
                Limits::Generous => RetainedLimits { messages: 1000, bytes: 1 << 20 },
                Limits::Tight => RetainedLimits { messages: 12, bytes: 5000 },
            },
            absents: match limits {
                Limits::Generous => AbsentLimits { sessions: 1000, queue, bytes: 1 << 24 },
                Limits::Tight => AbsentLimits { sessions: 2, queue, bytes: 4000 },
            },
            journal,
            kept: kept.unwrap_or_default(),
            directory: Directory::open(),
        };
        let attended = mailbox.attend(settings, now);
        let connections = Vec::new();
        let mut stage =
            Stage { now, limits, store, shared, bus, attended, requests, controller, connections };
        let events: Vec<Event> = stage.controller.events().collect();
        stage.bus.events(events);
        stage
    }

    /// The gatekeeper ends at this very moment, and another is started: only what was durable is still there.
    pub fn crash(&mut self) {
        let kept = self.store.as_ref().map(|store| store.left(self.now));
        let mut connections = std::mem::take(&mut self.connections);
        *self = Stage::start(self.now, self.limits, kept);
        for connection in &mut connections {
            connection.conversation = None;
            connection.output.clear();
        }
        self.connections = connections;
    }

    /// The disk takes one thing; false when there is none.
    pub fn disk(&mut self) -> bool {
        self.store.as_mut().is_some_and(store::Attended::step)
    }

    /// Time passes.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// The thread of a connection runs once; false when it has nothing to do.
    pub fn turn(&mut self, connection: usize) -> bool {
        self.connections[connection].turn(self.now)
    }

    /// The bus does one thing; false when there is none.
    pub fn bus(&mut self) -> bool {
        self.attended.step(self.now)
    }

    /// The hardware thread carries out one command; false when there is none.
    pub fn hardware(&mut self) -> bool {
        let now = at(self.now);
        self.controller.tick(now);
        let request = self.requests.take();
        let outcome = request.as_ref().map(|request| self.controller.handle(request, now));
        let events: Vec<Event> = self.controller.events().collect();
        self.bus.events(events);
        match (request, outcome) {
            (Some(request), Some(outcome)) => {
                if let Some(outcome) = outcome {
                    request.recipient.answer(request.ticket, outcome);
                }
                true
            }
            _ => false,
        }
    }

    /// Everything runs until nothing has anything to do.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            let mut moved = self.bus() | self.hardware() | self.disk();
            for connection in 0..self.connections.len() {
                moved |= self.turn(connection);
            }
            if !moved {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    /// Whether a client waits for an answer.
    pub fn expects_answer(&self, connection: usize) -> bool {
        self.connections[connection].conversation.as_ref().is_some_and(|c| c.expects_answer())
    }
}

impl Network for Stage {
    fn connect(&mut self) -> usize {
        let outbox = Arc::new(Outbox::new(self.shared.outbox).expect("an eventfd"));
        let number = self.connections.len();
        let conversation = MqttConversation::new(
            self.shared.clone(),
            MqttSettings {
                connect_time: Duration::from_secs(30),
                maximum_packet: 4096,
                protocol: Protocol::Mqtt,
            },
            outbox.clone(),
            SocketAddr::from(([127, 0, 0, 1], 1)),
            number as u64,
            self.shared.admission.enter([127, 0, 0, 1].into()).expect("there is room"),
            self.now,
        );
        self.connections.push(Connection {
            conversation: Some(conversation),
            outbox,
            input: Vec::new(),
            output: Vec::new(),
            closed: false,
        });
        number
    }

    fn write(&mut self, connection: usize, bytes: &[u8]) {
        self.connections[connection].input.extend_from_slice(bytes);
    }

    fn read(&mut self, connection: usize) -> Vec<u8> {
        std::mem::take(&mut self.connections[connection].output)
    }

    fn is_over(&self, connection: usize) -> bool {
        self.connections[connection].conversation.is_none()
    }

    fn lose(&mut self, connection: usize, patience: Patience) {
        let now = self.now;
        let connection = &mut self.connections[connection];
        connection.input.clear();
        match (patience, &mut connection.conversation) {
            (Patience::Some, Some(conversation)) => conversation.end_of_input(&[], now),
            _ => connection.conversation = None,
        }
    }
}

impl Connection {
    /// As the pump does it.
    fn turn(&mut self, now: Instant) -> bool {
        let Some(conversation) = &mut self.conversation else { return false };
        if conversation.is_over() {
            self.output.append(conversation.output());
            self.conversation = None;
            return true;
        }
        let mut moved = false;
        if conversation.can_receive() && !self.input.is_empty() {
            let done = conversation.receive(&self.input, now);
            self.input.drain(..done);
            moved |= done > 0;
        }
        let room = if self.output.len() < FULL { conversation.room() } else { 0 };
        let (mut notes, mut deliveries) = (VecDeque::new(), VecDeque::new());
        let taken = self.outbox.take(&mut notes, &mut deliveries, room);
        moved |= !notes.is_empty() || !deliveries.is_empty();
        notes.into_iter().for_each(|note| conversation.note(note, now));
        deliveries.into_iter().for_each(|delivery| conversation.deliver(delivery, now));
        conversation.tick(now);
        conversation.end_turn();
        self.output.append(conversation.output());
        let more_to_say = taken.more && conversation.room() > 0;
        let goodbye = taken.closing.filter(|_| !self.closed && !more_to_say);
        if let Some(why) = goodbye {
            conversation.close(why, now);
            conversation.end_turn();
            self.output.append(conversation.output());
            self.closed = true;
            moved = true;
        }
        moved | conversation.is_over()
    }
}

fn at(instant: Instant) -> Now {
    Now { instant, epoch: 1_790_000_000.0 }
}

fn shared(limits: Limits, registry: Registry, commands: Commands, bus: Bus, now: Instant) -> Shared {
    Shared {
        commands,
        bus,
        topics: Arc::new(Topics::new("pi", &registry)),
        registry: Arc::new(registry),
        admission: Admission::new(100_000, 100_000),
        started: now,
        counters: Arc::default(),
        commands_per_second: NonZeroU32::MAX,
        entrance: Entrance::open(),
        outbox: match limits {
            Limits::Generous => OutboxLimits { messages: 10_000, bytes: 1 << 24 },
            Limits::Tight => OutboxLimits { messages: 4, bytes: 8192 },
        },
        journal: Journal::default(),
    }
}
