//! Logging: to standard error by env_logger, and to the topics `pi/logs/system/{level}` as long as there is a bus.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::control::Now;
use crate::gateway::{Bus, LogRecord};

/// The way from the log to the bus, which can be opened and closed.
#[derive(Clone, Default)]
pub struct Logging(Arc<Mutex<Option<Bus>>>);

struct Logger {
    console: env_logger::Logger,
    logging: Logging,
}

thread_local! {
    /// Set while this thread forwards a record, so that what that does is not forwarded in its turn.
    static FORWARDING: Cell<bool> = const { Cell::new(false) };
}

/// The thread whose own records go to standard error only: it would have to wait for itself.
const BUS_THREAD: &str = "bus";

impl Logging {
    /// Makes this the program's log.  `RUST_LOG` says what is logged, or else `level` does.
    pub fn install(level: LevelFilter) -> Logging {
        let logging = Logging::default();
        let environment = env_logger::Env::default().default_filter_or(level.as_str());
        let console = env_logger::Builder::from_env(environment).build();
        log::set_max_level(console.filter());
        // A second logger in one process is a test's own affair: then the first one stays.
        let _ = log::set_boxed_logger(Box::new(Logger { console, logging: logging.clone() }));
        logging
    }

    /// Records go to the bus from now on.
    pub(super) fn forward_to(&self, bus: Bus) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bus);
    }

    /// Records go to the bus no more.
    pub(super) fn stop_forwarding(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn forward(&self, record: &Record<'_>) {
        let level = match record.level() {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            // What a person debugs with would only feed on itself over the network.
            Level::Debug | Level::Trace => return,
        };
        if FORWARDING.replace(true) {
            return;
        }
        if std::thread::current().name() != Some(BUS_THREAD) {
            let bus = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(bus) = bus {
                let (target, message) = (record.target().to_owned(), record.args().to_string());
                bus.log(LogRecord { timestamp: Now::read().epoch, level, target, message });
            }
        }
        FORWARDING.set(false);
    }
}

/// Whether there are whole frames of WebSockets in a record, and so the credentials of clients.
fn tells_secrets(metadata: &Metadata<'_>) -> bool {
    metadata.level() == Level::Trace && metadata.target().starts_with("tungstenite")
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.console.enabled(metadata) && !tells_secrets(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.console.matches(record) && !tells_secrets(record.metadata()) {
            self.console.log(record);
            self.logging.forward(record);
        }
    }

    fn flush(&self) {
        self.console.flush();
    }
}
