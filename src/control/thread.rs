//! The thread itself: it reads the clocks, waits for the next message or deadline, and ends in the safe state.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Instant;

use log::{debug, error};

use super::inbox::{About, Message, WaitingEdges};
use super::lanes::Lanes;
use super::{Answer, BuildError, Commands, Controller, Now, Plan, Request};
use crate::domain::{Event, Registry};
use crate::hardware::Hardware;
use crate::hardware::buses::BusThreads;

/// Where events go.  It is called on the hardware thread and does not wait.
pub type EventSink = Box<dyn Fn(&mut dyn Iterator<Item = Event>) + Send>;

/// How the hardware thread ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// It panicked, or the hardware failed it; it brought every device that it could to its `on_stop` state.
    Failed,
}

/// The running hardware thread.
pub struct HardwareThread {
    commands: Commands,
    thread: JoinHandle<()>,
}

impl HardwareThread {
    /// Builds every device and starts the thread.  `ended` is called as its last act.
    pub fn start(
        mut hardware: Box<dyn Hardware>,
        default_chip: Option<&str>,
        plan: Plan,
        events: EventSink,
        ended: impl FnOnce(Ended) + Send + 'static,
    ) -> Result<(HardwareThread, Registry), StartError> {
        let (commands, inbox) = Commands::channel();
        let waiting = WaitingEdges::default();
        let edges = commands.edge_sink(waiting.clone());
        hardware.watch_chips(commands.chip_sink());
        let (mut controller, registry) =
            Controller::build(hardware, default_chip, plan, &edges, Now::read())?;
        waiting.prepare(controller.inputs());
        // Here, so that every first state is told before anybody can ask for it.
        events(&mut controller.events());
        let about = commands.about();
        let probes = controller.take_probes();
        let buses = BusThreads::start(probes, &controller.buses(), &commands.reading_sink())
            .map_err(StartError::Thread)?;
        let thread = std::thread::Builder::new()
            .name("hardware".to_owned())
            .spawn(move || ended(live(controller, inbox, buses, &waiting, &events, &about)))
            .map_err(StartError::Thread)?;
        Ok((HardwareThread { commands, thread }, registry))
    }

    /// The way to its inbox.
    pub fn commands(&self) -> Commands {
        self.commands.clone()
    }

    /// Tells it to finish what it was asked before, to bring every device to its `on_stop` state, and to end.
    pub fn stop(&self) {
        self.commands.stop();
    }

    /// Waits for its end.
    pub fn join(self) {
        // It catches its own panics and has told of its end, so there is nothing to learn from joining.
        let _ = self.thread.join();
    }
}

/// Why the hardware thread did not start.
#[derive(Debug)]
pub enum StartError {
    /// A device could not be built.
    Build(BuildError),
    /// The system gave no thread.
    Thread(std::io::Error),
}

impl From<BuildError> for StartError {
    fn from(error: BuildError) -> StartError {
        StartError::Build(error)
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Build(error) => error.fmt(f),
            StartError::Thread(error) => write!(f, "can't start the hardware thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

fn live(
    mut controller: Controller,
    inbox: Receiver<Message>,
    buses: BusThreads,
    waiting: &WaitingEdges,
    events: &EventSink,
    about: &About,
) -> Ended {
    // Without it the kernel may be 50 us late on every deadline, for the sake of a battery.
    if let Err(error) = nix::sys::prctl::set_timerslack(1) {
        debug!("timer slack stays at its default: {error}");
    }
    let mut lanes = Lanes::default();
    let run = catch_unwind(AssertUnwindSafe(|| {
        run(&mut controller, &inbox, &mut lanes, &buses, waiting, events, about)
    }));
    let mut ended = run.unwrap_or_else(|_| {
        error!("the hardware thread panicked");
        Ended::Failed
    });
    if ended == Ended::Failed {
        error!("bringing every device to its on_stop state");
    }
    let now = Now::read();
    if !controller.stop(now) {
        ended = Ended::Failed;
    }
    tell(&mut controller, events, about);
    refuse_the_rest(lanes, inbox);
    about.pulse.end();
    // Last, because it is the only part of the end that may wait.
    buses.stop();
    ended
}

fn run(
    controller: &mut Controller,
    inbox: &Receiver<Message>,
    lanes: &mut Lanes,
    buses: &BusThreads,
    waiting: &WaitingEdges,
    events: &EventSink,
    about: &About,
) -> Ended {
    let mut now = Now::read();
    loop {
        let next = controller.tick(now);
        tell(controller, events, about);
        controller.asked().for_each(|sensor| buses.ask(sensor));
        // Everything that is there takes part in whose turn it is.
        inbox.try_iter().for_each(|message| lanes.add(message, |who| controller.is_holder(who)));
        let message = match (lanes.next(), next) {
            (Some(message), _) => Ok(message),
            (None, None) => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            (None, Some(due)) => inbox.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        now = Now::read();
        match message {
            Ok(Message::Commands(requests, sent)) => {
                for request in requests {
                    let outcome = controller.handle(&request, now);
                    // Before the answer: who then asks for the retained state finds what was answered, or newer.
                    tell(controller, events, about);
                    if let Some(outcome) = outcome {
                        request.recipient.answer(request.ticket, outcome);
                    }
                    // The moment that ends one command is the one in which the next is handled.
                    now = Now::read();
                    about.latency.add(now.instant.saturating_duration_since(sent));
                }
            }
            Ok(Message::Edge(edge)) => {
                controller.edge(edge, now);
                if let Some(dropped) = waiting.handled(edge.input) {
                    controller.edge(dropped, now);
                }
                if !controller.is_alive() {
                    error!("the hardware reports no edges any more");
                    return Ended::Failed;
                }
            }
            Ok(Message::Reading(reading)) => controller.reading(reading, now),
            Ok(Message::Chip(news)) => controller.chip(&news, now),
            Ok(Message::Gone(connection)) => controller.disconnect(connection, now),
            Ok(Message::Pulse) => about.pulse.answer(),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return Ended::Stopped,
        }
        tell(controller, events, about);
    }
}

fn tell(controller: &mut Controller, events: &EventSink, about: &About) {
    let mut happened = controller.events();
    if happened.len() > 0 {
        events(&mut happened);
    }
    drop(happened);
    about.leases.store(controller.leases(), Ordering::Relaxed);
    for (counted, count) in about.alerts.iter().zip(controller.alerts()) {
        counted.store(count, Ordering::Relaxed);
    }
    controller.answers().for_each(Answer::give);
    controller.keep();
}

/// Nobody waits for ever: what came after the order to stop is refused, and the inbox is closed for what comes later.
fn refuse_the_rest(mut lanes: Lanes, inbox: Receiver<Message>) {
    std::iter::from_fn(|| lanes.next())
        .chain(inbox.try_iter())
        .flat_map(Message::into_requests)
        .for_each(Request::refuse);
}
