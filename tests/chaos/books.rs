//! The books of a client: what it sent, what it was told, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::clock::{self, Moment};
use super::devices;

/// What one client did and saw, in the order in which it did it.
#[derive(Debug)]
pub struct Book {
    /// Who it is.
    pub client: String,
    /// How long its leases last without a sign of life; 0 where it never asks for any.
    pub ttl: Moment,
    /// Its commands.
    pub commands: Vec<Command>,
    /// What it did about leases.
    pub deeds: Vec<Deed>,
    /// Messages that it published, of QoS 1 or 2, and whether they were acknowledged.
    pub messages: Vec<(String, Outcome)>,
    /// Messages that came, as often as they came.
    pub received: Vec<String>,
}

/// A command to a device.
#[derive(Debug, Clone)]
pub struct Command {
    /// The value that it sets, which no other command has.
    pub number: u32,
    /// Which device.
    pub device: usize,
    /// On which connection; commands of one connection are carried out in the order of their numbers.
    pub connection: u64,
    /// Under which lease it is meant, where it says so.
    pub token: Option<u64>,
    /// After this it does nothing.
    pub not_after: Option<Moment>,
    /// How often it is sent.
    pub delivery: Delivery,
    /// What came of it.
    pub fate: Fate,
}

/// How often a command is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Once, whatever comes of it.
    Once,
    /// Again on every connection until it is answered, as MQTT does with QoS 2.
    UntilAnswered,
    /// Once, to be retained, so that it never acts.
    Retained,
}

/// What a client did about leases.
#[derive(Debug, Clone)]
pub struct Deed {
    /// What.
    pub act: Act,
    /// What came of it.
    pub fate: Fate,
}

/// What can be done about leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A lease on these devices; its token, where it was granted.
    Acquire(Vec<usize>, Option<u64>),
    /// Another whole time.
    Renew(u64),
    /// A library will do so again and again by itself, until this is settled.
    RenewAgain(u64),
    /// A library says that it is held.
    Believe(u64),
    /// It is given back.
    Release(u64),
    /// Somebody else's lease on this device is ended.
    Break(usize),
}

/// What came of something that was sent.
#[derive(Debug, Clone)]
pub struct Fate {
    /// Not before this it was sent.
    pub sent: Moment,
    /// Not after this the outcome was known, or was known not to come.
    pub settled: Moment,
    /// What it is.
    pub outcome: Outcome,
}

/// What a client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Acknowledged,
    /// It was refused, with this code.
    Refused(String),
    /// The connection ended before anybody said so.
    Unknown,
    /// It never left the client.
    NotSent,
}

/// Gives numbers to commands.
#[derive(Debug, Clone, Default)]
pub struct Numbers(Arc<AtomicU32>);

impl Numbers {
    /// The next one.
    pub fn next(&self) -> u32 {
        self.several(1)
    }

    /// The first of the next ones, of which there are so many.
    pub fn several(&self, count: u32) -> u32 {
        let first = 1 + self.0.fetch_add(count, Ordering::Relaxed);
        assert!(first <= devices::LARGEST - count, "there are no more numbers");
        first
    }
}

impl Book {
    /// An empty one.
    pub fn of(client: &str) -> Book {
        Book {
            client: client.to_owned(),
            ttl: 0,
            commands: Vec::new(),
            deeds: Vec::new(),
            messages: Vec::new(),
            received: Vec::new(),
        }
    }
}

impl Fate {
    /// Of something that is sent now.
    pub fn open() -> Fate {
        let now = clock::now();
        Fate { sent: now, settled: Moment::MAX, outcome: Outcome::Unknown }
    }

    /// Now it is known.
    pub fn settle(&mut self, outcome: Outcome) {
        self.settled = clock::now();
        self.outcome = outcome;
    }

    /// Whether it is known to be done.
    pub fn is_done(&self) -> bool {
        self.outcome == Outcome::Acknowledged
    }

    /// Whether it may have been done.
    pub fn may_be_done(&self) -> bool {
        matches!(self.outcome, Outcome::Acknowledged | Outcome::Unknown)
    }
}
