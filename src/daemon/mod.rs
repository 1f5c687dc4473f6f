//! The only wiring: channels, named threads, and an orderly stop.
//!
//! ```text
//! line listener ─┬─ a thread per client ─┐             ┌─ hardware thread
//! mqtt listener ─┤                       ├─ commands ─►│
//! http listener ─┘                       │             │
//!                                        └─ bus ◄──────┴─ events
//!                                            └─ journal ─► store ─► sessions.log
//! ```

mod error;
mod explain;
mod guard;
mod limits;
mod logging;
mod telemetry;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use log::{error, info, warn};

pub use error::StartupError;
pub use explain::{Explained, Verdict, explain};
use guard::Guarded;
pub use guard::Reloader;
pub use logging::Logging;

use crate::auth::UsersFile;
use crate::config::{self, Config};
use crate::control::{Blueprint, Ended, EventSink, HardwareThread, Planned, devices};
use crate::domain::{KindReader, Protocol};
use crate::gateway::http::{HttpSettings, Visitors};
use crate::gateway::line::LineSettings;
use crate::gateway::mqtt::MqttSettings;
use crate::gateway::mqtt::broker::{AbsentLimits, RetainedLimits};
use crate::gateway::mqtt::store::{Journal, Mirror, Store};
use crate::gateway::{BusThread, Counters, DeskSettings, OutboxLimits, Shared, Topics, http, line, mqtt};
use crate::hardware::gpiochip::Gpiochip;
use crate::hardware::{Hardware, HardwareError, Simulation};
use crate::net::{Accepted, Admission, Listener, ListenerThread};
use telemetry::TelemetryThread;

/// A configuration whose devices are of the kinds that there are.
pub type DaemonConfig = Config<Box<dyn Blueprint>>;

/// How long an orderly stop may take in all.
const STOP: Duration = Duration::from_millis(1900);

/// What of it the hardware thread can't use up, so that the clients are told even when that is stuck.
const GOODBYE: Duration = Duration::from_millis(600);

/// The running daemon.
pub struct Daemon {
    hardware: HardwareThread,
    bus: BusThread,
    /// Where nothing is kept, there is none.
    store: Option<JoinHandle<()>>,
    /// Where there are no users, there is none.
    verifier: Option<JoinHandle<()>>,
    users: Option<UsersFile>,
    listeners: Vec<ListenerThread>,
    telemetry: TelemetryThread,
    shared: Shared,
    line: Option<SocketAddr>,
    mqtt: Option<SocketAddr>,
    http: Option<SocketAddr>,
    endings: (Sender<Ending>, Receiver<Ending>),
    logging: Logging,
    /// Disconnected when the last client's thread has ended.
    clients: Receiver<()>,
}

/// Why the daemon is to stop, or what of it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Somebody asked for it.
    Asked,
    /// The hardware thread has ended.
    Hardware(Ended),
    /// The bus has ended.
    Bus,
    /// The store has ended.
    Store,
    /// The verifier has ended.
    Verifier,
    /// A listener has failed.
    Listener,
    /// The telemetry has failed.
    Telemetry,
}

/// Asks a daemon to stop, from wherever.
#[derive(Debug, Clone)]
pub struct Stopper(Sender<Ending>);

impl Stopper {
    /// Asks.
    pub fn stop(&self) {
        // A daemon that is no more has stopped.
        let _ = self.0.send(Ending::Asked);
    }
}

/// The kinds of devices as the configuration reads them.
pub fn kinds() -> Vec<KindReader<Box<dyn Blueprint>>> {
    devices::readers()
}

/// The hardware that a configuration asks for.
pub fn hardware(config: &DaemonConfig) -> Result<Box<dyn Hardware>, StartupError> {
    let named = config.hardware.chip.is_some()
        || config.devices.iter().any(|d| d.blueprint.lines().iter().any(|(_, line)| line.chip.is_some()));
    match config.hardware.backend {
        config::Backend::Simulated => return Ok(Box::new(Simulation::new())),
        config::Backend::Gpiochip | config::Backend::Auto => {}
    }
    match Gpiochip::open() {
        Ok(chips) => Ok(Box::new(chips)),
        // No chip at all, and none that is asked for by name: then it may be a machine to try things out on.
        Err(HardwareError::NotFound(_)) if config.hardware.backend == config::Backend::Auto && !named => {
            warn!(
                "no gpiochip is here: every device is SIMULATED; set hardware.backend to say which you mean"
            );
            Ok(Box::new(Simulation::new()))
        }
        Err(error) => Err(StartupError::Hardware(error)),
    }
}

impl Daemon {
    /// Starts everything: the addresses are bound before the first line is touched.
    pub fn start(
        config: DaemonConfig,
        hardware: Box<dyn Hardware>,
        logging: Logging,
    ) -> Result<Daemon, StartupError> {
        let started = Instant::now();
        limits::raise(Admission::connections(config.limits.clients));
        let line_listener = bind("line", config.line.listen)?;
        let mqtt_listener = bind("mqtt", config.mqtt.listen)?;
        let http_listener = bind("http", config.http.listen)?;
        let (store, journal, kept) = match config.mqtt.persistence {
            config::Persistence::Off => (None, Journal::default(), Mirror::default()),
            config::Persistence::File => {
                let opened = Store::open(&config.state_folder).map_err(StartupError::State)?;
                (Some(opened.0), opened.1, opened.2)
            }
        };
        let endings = channel();
        let Guarded { entrance, directory, verifier, users } =
            guard::open(config.users, config.anonymous, &endings.0)?;

        let (bus, mailbox) = BusThread::prepare();
        let events = bus.clone();
        let sink: EventSink = Box::new(move |happened| events.events(happened));
        let ended = endings.0.clone();
        let (hardware, registry) = HardwareThread::start(
            hardware,
            config.hardware.chip.as_deref(),
            plan(config.devices),
            sink,
            move |how| {
                let _ = ended.send(Ending::Hardware(how));
            },
        )
        .map_err(StartupError::Devices)?;
        let registry = Arc::new(registry);
        let topics = Arc::new(Topics::new(&config.mqtt.prefix, &registry));
        let retained =
            RetainedLimits { messages: config.limits.retained_messages, bytes: config.limits.retained_bytes };
        let counters = Arc::new(Counters::default());
        let settings = DeskSettings {
            topics: topics.clone(),
            registry: registry.clone(),
            commands: hardware.commands(),
            maximum_subscriptions: config.limits.subscriptions,
            retained,
            absents: AbsentLimits {
                sessions: config.limits.sessions,
                queue: OutboxLimits {
                    messages: config.limits.outbox_messages,
                    bytes: config.limits.outbox_bytes,
                },
                bytes: config.limits.queued_bytes,
            },
            journal: journal.clone(),
            kept,
            directory,
            counters: counters.clone(),
        };
        let store = store.map(|store| {
            let ended = endings.0.clone();
            store.start(move || {
                let _ = ended.send(Ending::Store);
            })
        });
        let store = store.transpose().map_err(StartupError::thread("store"))?;
        let ended = endings.0.clone();
        let bus = mailbox
            .start(bus, settings, move || {
                let _ = ended.send(Ending::Bus);
            })
            .map_err(StartupError::thread("bus"))?;
        logging.forward_to(bus.bus());

        let shared = Shared {
            commands: hardware.commands(),
            bus: bus.bus(),
            registry,
            topics,
            entrance,
            admission: Admission::new(config.limits.clients, config.limits.clients_per_address),
            started,
            outbox: OutboxLimits {
                messages: config.limits.outbox_messages,
                bytes: config.limits.outbox_bytes,
            },
            journal,
            counters,
        };
        let (alive, clients) = channel();
        let [line, mqtt, http] = [&line_listener, &mqtt_listener, &http_listener]
            .map(|listener| listener.as_ref().map(Listener::address));
        let mut listeners = Vec::new();
        if let Some(listener) = line_listener {
            let settings = LineSettings {
                keepalive: config.line.keepalive.0,
                keepalive_maximum: config.line.keepalive_maximum.0,
                maximum_frame: config.line.maximum_frame,
                connect_time: config.limits.connect_time.0,
            };
            let serve =
                move |accepted, shared: &Shared, number| line::serve(accepted, shared, &settings, number);
            listeners.push(listen(listener, "line", &shared, &alive, &endings.0, serve)?);
        }
        if let Some(listener) = mqtt_listener {
            let settings = MqttSettings {
                connect_time: config.limits.connect_time.0,
                maximum_packet: config.mqtt.maximum_packet,
                protocol: Protocol::Mqtt,
            };
            let serve =
                move |accepted, shared: &Shared, number| mqtt::serve(accepted, shared, &settings, number);
            listeners.push(listen(listener, "mqtt", &shared, &alive, &endings.0, serve)?);
        }
        if let Some(listener) = http_listener {
            let settings = HttpSettings {
                connect_time: config.limits.connect_time.0,
                visitors: Visitors::new(listener.address().ip(), config.http.origins),
                mqtt: MqttSettings {
                    connect_time: config.limits.connect_time.0,
                    maximum_packet: config.mqtt.maximum_packet,
                    protocol: Protocol::WebSocket,
                },
            };
            let serve =
                move |accepted, shared: &Shared, number| http::serve(accepted, shared, &settings, number);
            listeners.push(listen(listener, "http", &shared, &alive, &endings.0, serve)?);
        }
        let ended = endings.0.clone();
        let failed = move || {
            let _ = ended.send(Ending::Telemetry);
        };
        let telemetry = TelemetryThread::start(&shared, config.telemetry.0, failed)
            .map_err(StartupError::thread("telemetry"))?;
        Ok(Daemon {
            hardware,
            bus,
            store,
            verifier,
            users,
            listeners,
            telemetry,
            shared,
            line,
            mqtt,
            http,
            endings,
            logging,
            clients,
        })
    }

    /// Where the line protocol is spoken.
    pub fn line_address(&self) -> Option<SocketAddr> {
        self.line
    }

    /// Where MQTT is spoken.
    pub fn mqtt_address(&self) -> Option<SocketAddr> {
        self.mqtt
    }

    /// Where HTTP is spoken.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// What is common to all clients.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Asks it to stop.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.endings.0.clone())
    }

    /// What reads the users again; nothing where there are none.
    pub fn reloader(&self) -> Option<Reloader> {
        let verifier = self.shared.entrance.verifier()?.clone();
        Some(Reloader::new(self.users.clone()?, verifier, self.bus.bus()))
    }

    /// Waits until somebody asks it to stop, or a part of it has ended by itself.
    pub fn wait(&self) -> Ending {
        // It has a sender itself, so that there is always one.
        self.endings.1.recv().unwrap_or(Ending::Asked)
    }

    /// Stops: no new clients; commands in hand are finished; outputs go to their `on_stop` value; everybody is
    /// told.  False when a part of it failed, or did not end in time.
    pub fn stop(self, why: Ending) -> bool {
        let until = Instant::now() + STOP;
        let Daemon {
            hardware,
            bus,
            store,
            verifier,
            listeners,
            telemetry,
            shared,
            endings,
            logging,
            clients,
            ..
        } = self;
        let mut well = why == Ending::Asked;
        telemetry.stop();
        let threads: Vec<_> = listeners.into_iter().flat_map(ListenerThread::stop).collect();
        hardware.stop();
        if !matches!(why, Ending::Hardware(_)) {
            match await_ending(&endings.1, until - GOODBYE, |ending| matches!(ending, Ending::Hardware(_))) {
                Some(Ending::Hardware(Ended::Stopped)) => hardware.join(),
                Some(_) => well = false,
                None => {
                    error!("the hardware thread does not answer: its lines stay as they are");
                    well = false;
                }
            }
        }
        bus.stop();
        // The bus does not know those who have not introduced themselves.
        shared.admission.stop();
        logging.stop_forwarding();
        drop(shared);
        match clients.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => warn!("some clients did not read their goodbye in time"),
            // Their last act is to give up what this waited for; a panic was told when it happened.
            Ok(()) | Err(RecvTimeoutError::Disconnected) => threads.into_iter().for_each(|t| drop(t.join())),
        }
        // The store ends when nobody is left who has something to write down, which may be before the bus says so.
        let mut running = vec![
            (Ending::Bus, "the bus did not end", Some(bus.into_thread())),
            (Ending::Store, "the disk did not take what is to be kept", store),
            (Ending::Verifier, "the verifier did not end", verifier),
        ];
        running.retain(|(ending, _, thread)| *ending != why && thread.is_some());
        while !running.is_empty() {
            let place = |ended| running.iter().position(|(ending, ..)| *ending == ended);
            let ended = await_ending(&endings.1, until, |ended| place(ended).is_some());
            let Some(place) = ended.and_then(place) else { break };
            let (_, _, thread) = running.remove(place);
            drop(thread.map(JoinHandle::join));
        }
        for (_, trouble, _) in running {
            warn!("{trouble} in time");
        }
        info!("stopped");
        well
    }
}

fn await_ending(
    endings: &Receiver<Ending>,
    until: Instant,
    wanted: impl Fn(Ending) -> bool,
) -> Option<Ending> {
    loop {
        match endings.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(ending) if wanted(ending) => return Some(ending),
            // A second signal changes nothing: it stops already.
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

fn plan(planned: Vec<config::Device<Box<dyn Blueprint>>>) -> Vec<Planned> {
    planned
        .into_iter()
        .filter_map(|device| {
            let kind = devices::find(device.kind)?;
            Some(Planned { name: device.name, kind, blueprint: device.blueprint })
        })
        .collect()
}

fn bind(section: &'static str, address: Option<SocketAddr>) -> Result<Option<Listener>, StartupError> {
    let Some(address) = address else { return Ok(None) };
    match Listener::bind(address) {
        Ok(listener) => Ok(Some(listener)),
        Err(cause) => Err(StartupError::listen(section, address, cause)),
    }
}

fn listen(
    listener: Listener,
    name: &'static str,
    shared: &Shared,
    alive: &Sender<()>,
    endings: &Sender<Ending>,
    serve: impl Fn(Accepted, &Shared, u64) + Send + Sync + 'static,
) -> Result<ListenerThread, StartupError> {
    let (shared, alive, numbers) = (shared.clone(), alive.clone(), AtomicU64::new(1));
    let endings = endings.clone();
    listener
        .start(
            name,
            shared.admission.clone(),
            move |accepted| {
                let _alive = alive.clone();
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                let peer = accepted.link.peer();
                let conversation = std::panic::AssertUnwindSafe(|| serve(accepted, &shared, number));
                // One client's bug ends that client.
                if std::panic::catch_unwind(conversation).is_err() {
                    error!("{peer}: its thread panicked; the connection is closed");
                }
            },
            move || {
                let _ = endings.send(Ending::Listener);
            },
        )
        .map_err(StartupError::thread(name))
}
