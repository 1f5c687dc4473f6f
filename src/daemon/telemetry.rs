//! Telemetry: how the board and the daemon are, again and again, on a thread that otherwise sleeps.  It also gives back
//! the memory that is free, because it is awake anyway and nobody waits for it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use super::memory::Thrift;
use crate::control::{Commands, Now};
use crate::gateway::process::{self, bytes};
use crate::gateway::{Bus, Message, Shared, Statistics};

/// The running thread.
pub(super) struct TelemetryThread {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

struct Telemetry {
    bus: Bus,
    commands: Commands,
    shared: Shared,
}

impl TelemetryThread {
    /// Tells at once, and then every `interval`.  `failed` is called when it ends by itself, which it never should.
    pub(super) fn start(
        shared: &Shared,
        interval: Duration,
        failed: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<TelemetryThread> {
        let (stop, stopped) = channel();
        let mut statistics = Statistics::new(shared.counters.clone(), shared.started);
        let telemetry =
            Telemetry { bus: shared.bus.clone(), commands: shared.commands.clone(), shared: shared.clone() };
        let mut thrift = Thrift::default();
        let tell = move || {
            loop {
                let resident = process::resident();
                // Together, so that the bus is woken once.
                let mut messages =
                    vec![Message::own(telemetry.shared.topics.telemetry(), telemetry.read(resident), true)];
                messages.extend(statistics.news(Instant::now()));
                telemetry.bus.telemetry(messages);
                thrift.look(resident);
                if stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("telemetry".to_owned()).spawn(move || {
            if catch_unwind(AssertUnwindSafe(tell)).is_err() {
                failed();
            }
        })?;
        Ok(TelemetryThread { stop, thread })
    }

    /// Ends it.
    pub(super) fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

impl Telemetry {
    /// What can't be read is null: no number is made up.
    fn read(&self, resident: Option<u64>) -> String {
        let load: Option<Vec<f64>> =
            read("/proc/loadavg").map(|text| numbers(&text, 3)).filter(|l| l.len() == 3);
        let memory = read("/proc/meminfo").unwrap_or_default();
        let uptime = read("/proc/uptime").and_then(|text| numbers(&text, 1).first().copied());
        json!({
            "timestamp": Now::read().epoch,
            "cpu_temperature": cpu_temperature(),
            "load": load,
            "memory_total": bytes(&memory, "MemTotal:"),
            "memory_available": bytes(&memory, "MemAvailable:"),
            "system_uptime": uptime,
            "uptime": self.shared.started.elapsed().as_secs(),
            "resident": resident,
            "clients": self.shared.admission.count(),
            "commands": self.commands.count(),
            "backend": self.shared.registry.backend,
            "simulated": self.shared.registry.simulated,
            "board": self.shared.registry.model.name,
            "revision": self.shared.registry.model.revision.map(|revision| format!("{revision:x}")),
            "persistence": self.shared.journal.condition(),
            "version": env!("CARGO_PKG_VERSION"),
        })
        .to_string()
    }
}

/// The first thermal zone is the processor on every Raspberry Pi.
fn cpu_temperature() -> Option<f64> {
    let millidegrees: f64 = read("/sys/class/thermal/thermal_zone0/temp")?.trim().parse().ok()?;
    Some(millidegrees / 1000.0)
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn numbers(text: &str, count: usize) -> Vec<f64> {
    text.split_ascii_whitespace().take(count).filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_the_kernel_are_read() {
        assert_eq!(numbers("0.10 0.20 0.30 1/200 42\n", 3), [0.1, 0.2, 0.3]);
    }
}
