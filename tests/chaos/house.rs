//! The test's side of the daemon: started, killed, stopped and stalled, and a record of when.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::clock::{self, Moment};
use super::journal::{self, Entry};
use super::support::process::Process;
use super::{devices, home};

/// Where the daemon lives, again and again, at the same address.
pub struct House {
    folder: TempDir,
    /// In memory where there is such a folder, so that a busy disk does not hold up the hardware.
    journal: TempDir,
    address: IpAddr,
    process: Option<Process>,
    lives: Vec<Life>,
    stalls: Vec<Stall>,
}

/// Where clients find it.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// The line protocol.
    pub line: SocketAddr,
    /// MQTT.
    pub mqtt: SocketAddr,
}

/// One run of the daemon.
#[derive(Debug, Clone, Copy)]
pub struct Life {
    /// When it was sent the signal that ended it.
    pub signalled: Moment,
    /// When it was known to have ended.
    pub ended: Moment,
    /// What ended it.
    pub end: End,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By SIGKILL.
    Killed,
    /// In order, by SIGTERM.
    Stopped,
    /// By SIGTERM, and by SIGKILL before that was done.
    KilledAsItStopped,
}

/// A time in which the daemon may have stood still.
#[derive(Debug, Clone, Copy)]
pub struct Stall {
    /// Before it was sent SIGSTOP.
    pub from: Moment,
    /// After it was sent SIGCONT.
    pub to: Moment,
}

/// A folder that no disk is behind.
const MEMORY: &str = "/dev/shm";

/// An orderly stop takes no longer than this: 2 s, as README.md says, and what a busy machine takes besides.
const STOP: Duration = Duration::from_secs(5);

impl House {
    /// Chooses an address that nobody else has, and writes the configuration.
    pub fn build() -> House {
        // Of the loopback network no program has more than 127.0.0.1 by itself, so that the ports stay free while the
        // daemon is away, and no client ever meets itself on one of them.
        let [.., a, b, c] = (std::process::id() | 1 << 20).to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(127, a, b, c.clamp(1, 254)));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let journal =
            tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir()).expect("a temporary folder");
        let text = devices::configuration(address, &folder.path().join("state"));
        std::fs::write(folder.path().join("gatekeeper.jsonc"), text).expect("it can be written");
        House { folder, journal, address, process: None, lives: Vec::new(), stalls: Vec::new() }
    }

    /// Where clients find the daemon while it runs.
    pub fn addresses(&self) -> Addresses {
        Addresses { line: SocketAddr::new(self.address, 7070), mqtt: SocketAddr::new(self.address, 1883) }
    }

    /// Starts the daemon, and waits until it listens.
    pub fn start(&mut self) {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args(["daemon", "--exact", "--ignored", "--nocapture"]);
        command.env(home::FOLDER, self.folder.path()).env(home::LIFE, self.lives.len().to_string());
        command.env(home::JOURNAL, self.journal_file());
        let mut process = Process::start_typing(&mut command);
        process.line_with(home::READY);
        self.process = Some(process);
    }

    /// Ends it; the way to its end takes as long as `meanwhile` where it is killed on it.
    pub fn stop(&mut self, end: End, meanwhile: impl FnOnce()) {
        let process = self.process.take().expect("it runs");
        let signalled = clock::now();
        match end {
            End::Killed => process.signal(Signal::SIGKILL),
            End::Stopped => process.signal(Signal::SIGTERM),
            End::KilledAsItStopped => {
                process.signal(Signal::SIGTERM);
                meanwhile();
                // It may have ended already, and its parent has not asked for its status.
                process.signal(Signal::SIGKILL);
            }
        }
        let how = process.end();
        let ended = clock::now();
        self.lives.push(Life { signalled, ended, end });
        if end == End::Stopped {
            assert_eq!(how.code(), Some(0), "{how:?}");
            let took = Duration::from_nanos(ended - signalled);
            assert!(took < STOP, "an orderly stop took {took:?}");
        }
    }

    /// Lets it stand still for as long as `meanwhile` takes.
    pub fn stall(&mut self, meanwhile: impl FnOnce()) {
        let process = self.process.as_ref().expect("it runs");
        let from = clock::now();
        process.signal(Signal::SIGSTOP);
        meanwhile();
        process.signal(Signal::SIGCONT);
        self.stalls.push(Stall { from, to: clock::now() });
    }

    /// All its lives that are over.
    pub fn lives(&self) -> Vec<Life> {
        self.lives.clone()
    }

    /// When it stood still.
    pub fn stalls(&self) -> Vec<Stall> {
        self.stalls.clone()
    }

    /// What its hardware was told.
    pub fn journal(&self) -> Vec<Entry> {
        journal::read(&self.journal_file())
    }

    fn journal_file(&self) -> PathBuf {
        self.journal.path().join("journal")
    }
}
