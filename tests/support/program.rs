//! The program itself as a process, on free ports that its greeting names.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::process::{Ended, Process};

/// The running program.
pub struct Program {
    /// The process.
    pub process: Process,
    /// What it said at first.
    pub greeting: Vec<String>,
    /// Where it speaks the line protocol.
    pub line: SocketAddr,
    /// Where it speaks MQTT.
    pub mqtt: SocketAddr,
    /// Where it speaks HTTP.
    pub http: SocketAddr,
    _folder: TempDir,
}

/// The program with these arguments, not started yet.  The environment does not tell it what to log, nor that somebody
/// watches over it.
pub fn gatekeeper(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpio-gatekeeper"));
    command.args(arguments);
    for key in ["RUST_LOG", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        command.env_remove(key);
    }
    command
}

/// A configuration on free ports and simulated hardware.
pub fn simulated(sections: &str, devices: &str) -> String {
    on_free_ports(&format!(r#"{sections} "hardware": {{"backend": "simulated"}},"#), devices)
}

/// A configuration on free ports, with these sections before the devices, each followed by a comma.
pub fn on_free_ports(sections: &str, devices: &str) -> String {
    format!(
        r#"{{ "line": {{"listen": "127.0.0.1:0"}}, "mqtt": {{"listen": "127.0.0.1:0"}},
        "http": {{"listen": "127.0.0.1:0"}}, {sections}
        "devices": {{ {devices} }} }}"#
    )
}

impl Program {
    /// Starts it with this configuration and takes its greeting.
    pub fn start(config: &str) -> Program {
        Program::start_with(config, |_| {})
    }

    /// The same, after `change` has had its way with the command.
    pub fn start_with(config: &str, change: impl FnOnce(&mut Command)) -> Program {
        let (folder, file) = file(config);
        let mut command = gatekeeper(&["--config", &file]);
        change(&mut command);
        let mut process = Process::start(&mut command);
        let mut greeting = Vec::new();
        loop {
            match process.line() {
                Some(line) => greeting.push(line),
                None => panic!("it ended: {}", process.end().errors),
            }
            if greeting.iter().any(|line| line.contains("mosquitto_sub")) {
                break;
            }
        }
        let [line, mqtt, http] = ["line", "mqtt", "http"].map(|name| address(&greeting, name));
        Program { process, greeting, line, mqtt, http, _folder: folder }
    }

    /// Where else it listens, by the name in its greeting, such as `mqtt+tls`.
    pub fn address(&self, name: &str) -> SocketAddr {
        address(&self.greeting, name)
    }

    /// Sends it a signal and waits for its end, which has to come in 2 s.
    pub fn stop(self, signal: Signal) -> Ended {
        let asked = Instant::now();
        self.process.signal(signal);
        let ended = self.process.end();
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}: {}", ended.errors);
        ended
    }
}

/// A file with this text, in a folder that goes away with the test.
pub fn file(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("gatekeeper.jsonc");
    std::fs::write(&file, text).expect("it can be written");
    let name = file.to_str().expect("UTF-8").to_owned();
    (folder, name)
}

fn address(greeting: &[String], name: &str) -> SocketAddr {
    let row = greeting.iter().find_map(|line| line.trim_start().strip_prefix(name));
    let address = row.and_then(|address| address.trim().parse().ok());
    address.unwrap_or_else(|| panic!("no address of {name}: {greeting:#?}"))
}
