//! A controller on simulated hardware whose clock stands until it is moved.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gpio_gatekeeper::control::{BuildError, Controller, Now, Planned, Recipient, Request, devices};
use gpio_gatekeeper::domain::{
    Account, Action, Arguments, Audit, ClientId, Code, Command, Datum, DeviceName, Event, Outcome, Principal,
    Protocol, State, Target,
};
use gpio_gatekeeper::hardware::{Board, Edge, Level, Simulation};

use super::support::{configuration, gpio};

/// Where commands are given and levels are looked at.
pub struct Bench {
    pub controller: Controller,
    pub board: Board,
    edges: Arc<Mutex<Vec<Edge>>>,
    start: Instant,
    now: Instant,
}

struct Nobody;

impl Recipient for Nobody {
    fn answer(&self, _ticket: u64, _outcome: Outcome) {}
}

/// A test's principal.
pub fn principal() -> Arc<Principal> {
    Arc::new(Principal {
        client: ClientId::parse("test").expect("valid"),
        address: SocketAddr::from(([127, 0, 0, 1], 1)),
        protocol: Protocol::Line,
        account: Arc::new(Account::everybody()),
    })
}

impl Bench {
    /// With these devices.
    pub fn new(devices: &str) -> Bench {
        Bench::on(Simulation::new(), devices).unwrap_or_else(|error| panic!("{error}"))
    }

    /// With these devices on lines that were prepared.
    pub fn on(simulation: Simulation, devices: &str) -> Result<Bench, BuildError> {
        let board = simulation.board();
        let plan = configuration("", devices).devices.into_iter().map(|device| Planned {
            name: device.name,
            kind: devices::find(device.kind).expect("a kind there is"),
            blueprint: device.blueprint,
        });
        let edges = Arc::new(Mutex::new(Vec::new()));
        let sink = edges.clone();
        let start = Instant::now();
        let (mut controller, _registry) = Controller::build(
            Box::new(simulation),
            None,
            plan.collect(),
            &(Arc::new(move |edge| sink.lock().expect("one thread").push(edge)) as _),
            Now { instant: start, epoch: 0.0 },
        )?;
        drop(controller.events());
        Ok(Bench { controller, board, edges, start, now: start })
    }

    fn now(&self) -> Now {
        Now { instant: self.now, epoch: (self.now - self.start).as_secs_f64() }
    }

    /// Gives a command such as `led.on()` or `led.blink(0.5, n=3)`.
    pub fn call(&mut self, call: &str) -> Outcome {
        let request = self.request(call);
        self.give(&request)
    }

    /// The request of such a command.
    pub fn request(&self, call: &str) -> Request {
        let (device, rest) = call.split_once('.').expect("device.verb(arguments)");
        let (verb, rest) = rest.split_once('(').expect("device.verb(arguments)");
        let mut arguments = Arguments::default();
        for argument in rest.trim_end_matches(')').split(", ").filter(|argument| !argument.is_empty()) {
            let datum = |text: &str| text.parse().map_or_else(|_| Datum::from(text), Datum::Number);
            match argument.split_once('=') {
                Some((name, value)) => arguments.named.push((name.to_owned(), datum(value))),
                None => arguments.positional.push(datum(argument)),
            }
        }
        let target = Target::Device(DeviceName::parse(device).expect("valid"));
        let command = Command { target, action: Action { verb: verb.to_owned(), arguments } };
        Request { principal: principal(), command, expires: None, recipient: Arc::new(Nobody), ticket: 0 }
    }

    /// Gives a request, and lets the edges that it makes arrive.
    pub fn give(&mut self, request: &Request) -> Outcome {
        let outcome = self.controller.handle(request, self.now());
        self.settle();
        outcome
    }

    /// The state that a command leads to.
    pub fn state(&mut self, call: &str) -> Arc<State> {
        self.call(call).unwrap_or_else(|refusal| panic!("{call}: {refusal}"))
    }

    /// The code with which a command is refused.
    pub fn refusal(&mut self, call: &str) -> Code {
        match self.call(call) {
            Ok(state) => panic!("{call} was carried out: {state:?}"),
            Err(refusal) => refusal.code,
        }
    }

    /// Lets time go by, with every deadline on its way.
    pub fn pass(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        loop {
            self.settle();
            match self.controller.tick(self.now()) {
                Some(due) if due <= end => self.now = due.max(self.now),
                _ => break,
            }
        }
        self.now = end;
        self.controller.tick(self.now());
    }

    /// Lets time go by without the thread getting a turn, and then gives it one.
    pub fn pass_late(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.controller.tick(self.now());
    }

    /// Drives line `GPIO{offset}` from outside.
    pub fn drive(&mut self, offset: u32, level: Level) {
        self.board.drive(&gpio(offset), level);
        self.settle();
    }

    /// The level of line `GPIO{offset}`.
    pub fn level(&self, offset: u32) -> Level {
        self.board.level(&gpio(offset))
    }

    /// The states since the last call, as `event@milliseconds`.
    pub fn told(&mut self) -> Vec<String> {
        let told = self.controller.events().filter_map(|event| match event {
            Event::State(state) => Some(format!("{}@{:.0}", state.event, state.timestamp * 1000.0)),
            Event::Audit(_) => None,
        });
        told.collect()
    }

    /// The audit since the last call.
    pub fn audit(&mut self) -> Vec<Arc<Audit>> {
        let entries = self.controller.events().filter_map(|event| match event {
            Event::State(_) => None,
            Event::Audit(audit) => Some(audit),
        });
        entries.collect()
    }

    /// Ends, as the daemon does; true when every device is where it should be.
    pub fn stop(&mut self) -> bool {
        let now = self.now();
        self.controller.stop(now)
    }

    fn settle(&mut self) {
        let edges: Vec<Edge> = self.edges.lock().expect("one thread").drain(..).collect();
        for edge in edges {
            let now = self.now();
            self.controller.edge(edge, now);
        }
    }
}
