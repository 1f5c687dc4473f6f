//! A controller on simulated hardware whose clock stands until it is moved.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gpio_gatekeeper::control::{
    Answer, BuildError, Commands, Controller, Now, Plan, Planned, Recipient, Request, Tether, devices,
};
use gpio_gatekeeper::domain::{
    Account, Action, AlertNews, AlertTurn, Arguments, Audit, ClientId, Code, Command, Datum, DeviceName,
    Event, FaultOrder, Lease, LeaseNews, LeaseOrder, Order, Outcome, Principal, Protocol, PwmAddress, Reach,
    Reply, Standing, State, Target, ThresholdOrder,
};
use gpio_gatekeeper::hardware::{Board, ChipNews, Edge, Hardware, Level, Simulation};

use super::buses::Buses;
use super::support::faulty::{self, Switch};
use super::support::{configuration, gpio};

/// Where commands are given and levels are looked at.
pub struct Bench {
    pub controller: Controller,
    pub board: Board,
    /// What was told before anybody could do anything.
    begun: Vec<Event>,
    edges: Arc<Mutex<Vec<Edge>>>,
    buses: Buses,
    chips: Arc<Mutex<Vec<ChipNews>>>,
    commands: Commands,
    /// The connections that there were, each with its client.
    connections: Vec<(Arc<Principal>, Tether)>,
    /// Which of them speaks.
    speaker: usize,
    /// What those who set thresholds may see and drive.
    pub reach: Reach,
    late: Arc<Late>,
    start: Instant,
    now: Instant,
}

/// A channel of the simulated chip `chip`.
pub fn pwm_channel(channel: u32) -> PwmAddress {
    PwmAddress { chip: "chip".to_owned(), channel }
}

/// What is wrong with these devices, in the order in which it was found.
pub fn mistakes(devices: &str) -> Vec<String> {
    let text = format!(r#"{{"hardware": {{"backend": "simulated"}}, "devices": {{{devices}}}}}"#);
    match gpio_gatekeeper::config::load(&text, "test", &gpio_gatekeeper::daemon::kinds()) {
        Ok(_) => Vec::new(),
        Err(report) => report.mistakes.iter().map(|mistake| mistake.message.clone()).collect(),
    }
}

/// The outcomes that had to be waited for.
#[derive(Default)]
struct Late(Mutex<Vec<Outcome>>);

impl Recipient for Late {
    fn answer(&self, _ticket: u64, outcome: Outcome) {
        self.0.lock().expect("one thread").push(outcome);
    }
}

fn principal(client: &str) -> Arc<Principal> {
    Arc::new(Principal {
        client: ClientId::parse(client).expect("valid"),
        address: SocketAddr::from(([127, 0, 0, 1], 1)),
        protocol: Protocol::Line,
        certificate_name: None,
        account: Arc::new(Account::everybody()),
    })
}

impl Bench {
    /// With these devices.
    pub fn new(devices: &str) -> Bench {
        Bench::on(Simulation::new(), devices).unwrap_or_else(|error| panic!("{error}"))
    }

    /// With these devices, and what makes them fail.
    pub fn faulty(devices: &str) -> (Bench, Switch) {
        let (hardware, board, switch) = faulty::hardware();
        (Bench::with(hardware, board, devices).unwrap_or_else(|error| panic!("{error}")), switch)
    }

    /// With these devices on lines that were prepared.
    pub fn on(simulation: Simulation, devices: &str) -> Result<Bench, BuildError> {
        let board = simulation.board();
        Bench::with(Box::new(simulation), board, devices)
    }

    fn with(mut hardware: Box<dyn Hardware>, board: Board, devices: &str) -> Result<Bench, BuildError> {
        // What stands before the devices, where there is something, is divided from them by a line.
        let (sections, devices) = devices.split_once("---").unwrap_or(("", devices));
        let config = configuration(sections, devices);
        let (interlocks, links) = (config.interlocks, config.links);
        let thresholds = config.thresholds.into_iter().map(Standing::configured).collect();
        let names: Vec<DeviceName> = config.devices.iter().map(|device| device.name.clone()).collect();
        let plan = config.devices.into_iter().map(|device| Planned {
            name: device.name,
            kind: devices::find(device.kind).expect("a kind there is"),
            blueprint: device.blueprint,
        });
        let edges = Arc::new(Mutex::new(Vec::new()));
        let chips = Arc::new(Mutex::new(Vec::new()));
        let news = chips.clone();
        hardware.watch_chips(Arc::new(move |told| news.lock().expect("one thread").push(told)));
        let sink = edges.clone();
        let start = Instant::now();
        let (mut controller, _registry) = Controller::build(
            hardware,
            None,
            Plan { devices: plan.collect(), interlocks, links, thresholds, ..Plan::default() },
            &(Arc::new(move |edge| sink.lock().expect("one thread").push(edge)) as _),
            Now { instant: start, epoch: 0.0 },
        )?;
        let buses = Buses::of(&mut controller);
        let begun: Vec<Event> = controller.events().collect();
        let (commands, _) = Commands::unattended();
        let (connections, late) = (vec![(principal("test"), commands.tether())], Arc::default());
        let (speaker, reach) = (0, Reach { sees: names.clone(), drives: names });
        Ok(Bench {
            controller,
            board,
            begun,
            edges,
            buses,
            commands,
            connections,
            speaker,
            reach,
            chips,
            late,
            start,
            now: start,
        })
    }

    /// What follows comes from this client, on the connection that it opened last.
    pub fn by(&mut self, client: &str) -> &mut Bench {
        match self.connections.iter().rposition(|(who, _)| who.client.as_str() == client) {
            Some(place) => self.speaker = place,
            None => self.connect(client),
        }
        self
    }

    /// A new connection of this client, from which follows what comes.
    pub fn connect(&mut self, client: &str) {
        self.connections.push((principal(client), self.commands.tether()));
        self.speaker = self.connections.len() - 1;
    }

    /// The connection that speaks ends.
    pub fn disconnect(&mut self) {
        let connection = self.connections[self.speaker].1.connection();
        self.controller.disconnect(connection, self.now());
        self.controller.answers().for_each(Answer::give);
    }

    /// The moment it is.
    pub fn now(&self) -> Now {
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
        let order = if device == "system" && ThresholdOrder::VERBS.contains(&verb) {
            let mut order = ThresholdOrder::parse(verb, &arguments).expect("a good order");
            order.reach = self.reach.clone();
            Order::Threshold(order)
        } else if device == "system" && FaultOrder::VERBS.contains(&verb) {
            Order::Fault(FaultOrder::parse(verb, &arguments).expect("a good order"))
        } else if device == "system" {
            Order::Lease(LeaseOrder::parse(verb, None, &arguments).expect("a good order"))
        } else {
            let target = Target::Device(DeviceName::parse(device).expect("valid"));
            let action = Action { verb: verb.to_owned(), arguments };
            Order::Command(Command::new(target, action).expect("a good token"))
        };
        let (principal, tether) = &self.connections[self.speaker];
        let (principal, connection) = (principal.clone(), Some(tether.connection()));
        Request { principal, connection, order, expires: None, recipient: self.late.clone(), ticket: 0 }
    }

    /// Gives an order, whatever comes of it and whenever.
    pub fn ask(&mut self, call: &str) {
        let request = self.request(call);
        drop(self.controller.handle(&request, self.now()));
        self.controller.answers().for_each(Answer::give);
    }

    /// Gives an order that has to wait.
    pub fn wait(&mut self, call: &str) {
        let request = self.request(call);
        let answered = self.controller.handle(&request, self.now());
        assert!(answered.is_none(), "{call} has to wait, and not {answered:?}");
    }

    /// The outcomes that had to be waited for, since the last call: tokens and codes.
    pub fn late(&mut self) -> Vec<Result<u64, Code>> {
        let late = std::mem::take(&mut *self.late.0.lock().expect("one thread"));
        let outcome = |outcome: Outcome| match outcome {
            Ok(Reply::Lease(lease)) => Ok(lease.token.0),
            Ok(other) => panic!("a lease was waited for: {other:?}"),
            Err(refusal) => Err(refusal.code),
        };
        late.into_iter().map(outcome).collect()
    }

    /// The lease that an order leads to.
    pub fn lease(&mut self, call: &str) -> Arc<Lease> {
        match self.call(call) {
            Ok(Reply::Lease(lease)) => lease,
            other => panic!("{call}: {other:?}"),
        }
    }

    /// Gives a request, and lets the edges that it makes arrive.
    pub fn give(&mut self, request: &Request) -> Outcome {
        let outcome = self.controller.handle(request, self.now());
        self.controller.answers().for_each(Answer::give);
        self.settle();
        outcome.expect("it is answered at once")
    }

    /// The state that a command leads to.
    pub fn state(&mut self, call: &str) -> Arc<State> {
        match self.call(call) {
            Ok(Reply::State(state)) => state,
            other => panic!("{call}: {other:?}"),
        }
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
            let due = self.controller.tick(self.now());
            self.controller.answers().for_each(Answer::give);
            match [due, self.buses.due(&self.controller, self.now)].into_iter().flatten().min() {
                Some(due) if due <= end => self.now = due.max(self.now),
                _ => break,
            }
        }
        self.now = end;
        self.controller.tick(self.now());
        self.controller.answers().for_each(Answer::give);
    }

    /// From now on no bus comes back from what it does.
    pub fn hang_buses(&mut self) {
        self.buses.hang();
    }

    /// Lets time go by without the thread getting a turn.
    pub fn skip(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
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

    /// What the board did of itself arrives.
    pub fn happen(&mut self, what: impl FnOnce(&Board)) {
        what(&self.board);
        self.settle();
    }

    /// The level of line `GPIO{offset}`.
    pub fn level(&self, offset: u32) -> Level {
        self.board.level(&gpio(offset))
    }

    /// For which part of the time this channel of the simulated chip `chip` is active, and its period in microseconds.
    pub fn signal(&self, channel: u32) -> (f64, u128) {
        let (signal, _) = self.board.signal(&pwm_channel(channel)).expect("a channel that was taken");
        (signal.duty(), signal.period.as_micros())
    }

    /// The states since the last call, as `event@milliseconds`.
    pub fn told(&mut self) -> Vec<String> {
        let told = self.controller.events().filter_map(|event| match event {
            Event::State(state) => Some(format!("{}@{:.0}", state.event, state.timestamp * 1000.0)),
            _ => None,
        });
        told.collect()
    }

    /// The audit since the last call.
    pub fn audit(&mut self) -> Vec<Arc<Audit>> {
        let entries = self.controller.events().filter_map(|event| match event {
            Event::Audit(audit) => Some(audit),
            _ => None,
        });
        entries.collect()
    }

    /// What was told of leases since the last call: `a: holder` and `a: free` to everybody, and to a holder
    /// `holder: ending@milliseconds` and `holder: lost@milliseconds`.
    pub fn leases_told(&mut self) -> Vec<String> {
        let told = self.controller.events().filter_map(|event| match event {
            Event::Leased(device, Some(tenancy)) => Some(format!("{device}: {}", tenancy.holder)),
            Event::Leased(device, None) => Some(format!("{device}: free")),
            Event::Notice(notice) => {
                let news = match &notice.news {
                    LeaseNews::Ending(_) => "ending",
                    LeaseNews::Lost(_) => "lost",
                };
                Some(format!("{}: {news}@{:.0}", notice.holder, notice.timestamp * 1000.0))
            }
            Event::State(_) | Event::Audit(_) | Event::Alert(_) | Event::OpenAlerts(..) => None,
        });
        told.collect()
    }

    /// What was told of alerts since the last call: `threshold: created@milliseconds`,
    /// `threshold: BACK@milliseconds`, and for the device `device: number of open ones`.
    pub fn alerts_told(&mut self) -> Vec<String> {
        let at = |news: &AlertNews| format!("{:.0}", news.timestamp * 1000.0);
        let told = std::mem::take(&mut self.begun).into_iter().chain(self.controller.events());
        let told = told.filter_map(|event| match event {
            Event::Alert(news) => Some(match &news.turn {
                AlertTurn::Created => format!("{}: created@{}", news.alert.threshold, at(&news)),
                AlertTurn::Resolved { cause, .. } => {
                    format!("{}: {}@{}", news.alert.threshold, cause.as_str(), at(&news))
                }
            }),
            Event::OpenAlerts(device, open) => Some(format!("{device}: {}", open.len())),
            _ => None,
        });
        told.collect()
    }

    /// Ends, as the daemon does; true when every device is where it should be.
    pub fn stop(&mut self) -> bool {
        let stopped = self.controller.stop(self.now());
        self.controller.answers().for_each(Answer::give);
        stopped
    }

    fn settle(&mut self) {
        let edges: Vec<Edge> = self.edges.lock().expect("one thread").drain(..).collect();
        for edge in edges {
            let now = self.now();
            self.controller.edge(edge, now);
        }
        let now = self.now();
        self.buses.run(&mut self.controller, now);
        let chips: Vec<ChipNews> = self.chips.lock().expect("one thread").drain(..).collect();
        for news in chips {
            let now = self.now();
            self.controller.chip(&news, now);
        }
    }
}
