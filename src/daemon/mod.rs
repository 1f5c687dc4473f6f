//! The only wiring: channels, named threads, and an orderly stop.
//!
//! ```text
//! line listener ─┬─ a thread per client ─┐             ┌─ hardware thread
//! mqtt listener ─┤                       ├─ commands ─►│
//! http listener ─┘                       │             │
//!                                        └─ bus ◄──────┴─ events
//!                                            └─ journal ─► store ─► sessions.log
//! ```

mod certificates;
mod client_certificate;
mod configured;
pub mod doctor;
mod doors;
mod error;
mod explain;
mod guard;
mod limits;
mod logging;
mod memory;
mod notify;
mod safe_states;
mod self_signed;
mod telemetry;
mod thresholds;
mod watchdog;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use log::{error, info, warn};

pub use certificates::{Certificates, FileReport, Reloaded, check_files, check_users};
pub use client_certificate::{ClientCertificate, make_client_certificate};
use configured::plan;
pub use configured::{hardware, kinds};
use doors::{Addresses, Doors, House};
pub use error::StartupError;
pub use explain::{Explained, Verdict, explain};
use guard::Guarded;
pub use guard::Reloader;
pub use logging::Logging;
pub use notify::Supervisor;
pub use safe_states::{BroughtToSafety, bring_to_safety};
pub use self_signed::{SelfSigned, make_self_signed};

use crate::auth::UsersFile;
use crate::config::{self, Config};
use crate::control::{Audited, Blueprint, Ended, EventSink, HardwareThread, Now, Plan};
use crate::domain::{Audit, Code, Deed, Protocol, Refusal, Registry, Who};
use crate::gateway::http::{HttpSettings, Visitors};
use crate::gateway::line::LineSettings;
use crate::gateway::mqtt::MqttSettings;
use crate::gateway::mqtt::broker::{AbsentLimits, RetainedLimits};
use crate::gateway::mqtt::store::{Journal, Mirror, Store};
use crate::gateway::{
    Bus, BusThread, Counters, DeskSettings, OutboxLimits, Shared, Topics, Trail, TrailSettings, http, line,
    mqtt,
};
pub use crate::hardware::survey;
use crate::hardware::{Hardware, model};
use crate::net::{Admission, ListenerThread};
use telemetry::TelemetryThread;
use thresholds::{KeepingThread, Thresholds};
use watchdog::Watchdog;

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
    /// Likewise, for thresholds.
    thresholds: Option<KeepingThread>,
    /// Where the audit is not written down, there is none.
    audit: Option<JoinHandle<()>>,
    /// Where there are no users, there is none.
    verifier: Option<JoinHandle<()>>,
    users: Option<UsersFile>,
    listeners: Vec<ListenerThread>,
    telemetry: TelemetryThread,
    watchdog: Watchdog,
    shared: Shared,
    line: Addresses,
    mqtt: Addresses,
    http: Addresses,
    certificates: Certificates,
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
    /// The hardware thread has not answered for longer than is allowed.
    Stuck,
    /// The bus has ended.
    Bus,
    /// The store has ended.
    Store,
    /// Thresholds that were set are kept no more.
    Thresholds,
    /// The audit file is written no more.
    Audit,
    /// The verifier has ended.
    Verifier,
    /// A listener has failed.
    Listener,
    /// The telemetry has failed.
    Telemetry,
    /// The watchdog has failed.
    Watchdog,
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

impl Daemon {
    /// Starts everything for nobody in particular.
    pub fn start(
        config: DaemonConfig,
        hardware: Box<dyn Hardware>,
        logging: Logging,
    ) -> Result<Daemon, StartupError> {
        Daemon::start_under(Supervisor::default(), config, hardware, logging)
    }

    /// Starts everything: the addresses are bound before the first line is touched.  The supervisor is told of signs of
    /// life, of trouble and of the stop; that it is ready, tells it who started it.
    pub fn start_under(
        supervisor: Supervisor,
        config: DaemonConfig,
        hardware: Box<dyn Hardware>,
        logging: Logging,
    ) -> Result<Daemon, StartupError> {
        let started = Instant::now();
        config.dangers().iter().for_each(|danger| warn!("{danger}"));
        limits::raise(Admission::connections(config.limits.clients));
        let mut certificates = Certificates::default();
        let mut bind =
            |names, plain, tls: &Option<_>| Doors::bind(names, plain, tls.as_ref(), &mut certificates);
        let line_doors = bind(["line", "line.tls"], config.line.listen, &config.line.tls)?;
        let mqtt_doors = bind(["mqtt", "mqtt.tls"], config.mqtt.listen, &config.mqtt.tls)?;
        let http_doors = bind(["http", "http.tls"], config.http.listen, &config.http.tls)?;
        let (store, journal, kept) = match config.mqtt.persistence {
            config::Persistence::Off => (None, Journal::default(), Mirror::default()),
            config::Persistence::File => {
                let opened = Store::open(&config.state_folder).map_err(StartupError::State)?;
                (Some(opened.0), opened.1, opened.2)
            }
        };
        let endings = channel();
        let Thresholds { standings, keeper, thread: thresholds } = Thresholds::open(&config, &endings.0)?;
        let (bus, mailbox) = BusThread::prepare();
        let audited = if config.audit.reads { Audited::Everything } else { Audited::Writes };
        let (bus, audit) = with_trail(bus, config.audit, &endings.0)?;
        let Guarded { entrance, directory, verifier, users } =
            guard::open(config.users, config.anonymous, &bus, &endings.0)?;
        let events = bus.clone();
        let sink: EventSink = Box::new(move |happened| events.events(happened));
        let ended = endings.0.clone();
        let (hardware, registry) = HardwareThread::start(
            hardware,
            config.hardware.chip.as_deref(),
            Plan {
                devices: plan(config.devices),
                interlocks: config.interlocks,
                links: config.links,
                thresholds: standings,
                keeper,
                audited,
            },
            sink,
            move |how| {
                let _ = ended.send(Ending::Hardware(how));
            },
        )
        .map_err(StartupError::Devices)?;
        let registry = Arc::new(Registry { model: model::read(Path::new("/proc")), ..registry });
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
        bus.bus().audit(own(format!("start({})", env!("CARGO_PKG_VERSION"))));

        let shared = Shared {
            commands: hardware.commands(),
            bus: bus.bus(),
            registry,
            topics,
            entrance,
            admission: Admission::new(config.limits.clients, config.limits.clients_per_address),
            started,
            commands_per_second: config.limits.commands_per_second,
            outbox: OutboxLimits {
                messages: config.limits.outbox_messages,
                bytes: config.limits.outbox_bytes,
            },
            journal,
            counters,
        };
        let (alive, clients) = channel();
        let [line, mqtt, http] = [&line_doors, &mqtt_doors, &http_doors].map(Doors::addresses);
        let connect_time = config.limits.connect_time.0;
        let house = House { shared: &shared, connect_time, alive: &alive, endings: &endings.0 };
        let line_settings = LineSettings {
            keepalive: config.line.keepalive.0,
            keepalive_maximum: config.line.keepalive_maximum.0,
            maximum_frame: config.line.maximum_frame,
            connect_time,
        };
        let mqtt_settings =
            |protocol| MqttSettings { connect_time, maximum_packet: config.mqtt.maximum_packet, protocol };
        let mut listeners = line_doors.open(&house, |_| {
            move |accepted, shared: &Shared, number| line::serve(accepted, shared, &line_settings, number)
        })?;
        listeners.extend(mqtt_doors.open(&house, |_| {
            let settings = mqtt_settings(Protocol::Mqtt);
            move |accepted, shared: &Shared, number| mqtt::serve(accepted, shared, &settings, number)
        })?);
        listeners.extend(http_doors.open(&house, |address| {
            let settings = HttpSettings {
                connect_time,
                visitors: Visitors::new(address.ip(), config.http.origins.clone()),
                mqtt: mqtt_settings(Protocol::WebSocket),
            };
            move |accepted, shared: &Shared, number| http::serve(accepted, shared, &settings, number)
        })?);
        let ended = endings.0.clone();
        let failed = move || {
            let _ = ended.send(Ending::Telemetry);
        };
        let telemetry = TelemetryThread::start(&shared, config.telemetry.0, failed)
            .map_err(StartupError::thread("telemetry"))?;
        let watchdog = Watchdog::start(supervisor, &shared.commands, config.hardware.watchdog, &endings.0)
            .map_err(StartupError::thread("watchdog"))?;
        Ok(Daemon {
            hardware,
            bus,
            store,
            thresholds,
            audit,
            verifier,
            users,
            listeners,
            telemetry,
            watchdog,
            shared,
            line,
            mqtt,
            http,
            certificates,
            endings,
            logging,
            clients,
        })
    }

    /// Where the line protocol is spoken.
    pub fn line_address(&self) -> Option<SocketAddr> {
        self.line.plain
    }

    /// Where the line protocol is spoken in TLS.
    pub fn line_tls_address(&self) -> Option<SocketAddr> {
        self.line.tls
    }

    /// Where MQTT is spoken.
    pub fn mqtt_address(&self) -> Option<SocketAddr> {
        self.mqtt.plain
    }

    /// Where MQTT is spoken in TLS.
    pub fn mqtt_tls_address(&self) -> Option<SocketAddr> {
        self.mqtt.tls
    }

    /// Where HTTP is spoken.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.plain
    }

    /// Where HTTP is spoken in TLS.
    pub fn http_tls_address(&self) -> Option<SocketAddr> {
        self.http.tls
    }

    /// The certificates that its listeners show, which can be read anew while it runs.
    pub fn certificates(&self) -> Certificates {
        self.certificates.clone().with_audit(self.bus.bus())
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
            thresholds,
            audit,
            verifier,
            listeners,
            telemetry,
            watchdog,
            shared,
            endings,
            logging,
            clients,
            ..
        } = self;
        let mut well = why == Ending::Asked;
        watchdog.stop();
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
        let stopped = own("stop".to_owned());
        bus.bus().audit(match well {
            true => stopped,
            false => stopped.refused(&Refusal::new(Code::DeviceFault, "a part of the gatekeeper has failed")),
        });
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
            (
                Ending::Thresholds,
                "the disk did not take the thresholds",
                thresholds.map(KeepingThread::into_thread),
            ),
            (Ending::Audit, "the disk did not take the audit", audit),
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

/// An entry of the audit about what the gatekeeper does of itself, now.
fn own(action: String) -> Audit {
    Audit::new(Now::read().epoch, Who::Gatekeeper, Deed::Other(String::new(), action))
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

fn with_trail(
    bus: Bus,
    config::Audit { file, maximum_bytes, files, reads: _ }: config::Audit,
    endings: &Sender<Ending>,
) -> Result<(Bus, Option<JoinHandle<()>>), StartupError> {
    let Some(file) = file else { return Ok((bus, None)) };
    let (ended, path) = (endings.clone(), file.clone());
    let (trail, thread) = Trail::open(TrailSettings { file, maximum_bytes, files }, move || {
        let _ = ended.send(Ending::Audit);
    })
    .map_err(|cause| StartupError::Audit { file: path, cause })?;
    Ok((bus.with_trail(trail), Some(thread)))
}
