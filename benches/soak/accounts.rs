//! What was accepted, and what has arrived.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use gpio_gatekeeper::wire::mqtt::QoS;

use super::trials::players::Happened;

/// The books of a whole soak.
#[derive(Default)]
pub struct Accounts {
    next: AtomicUsize,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    qualities: HashMap<usize, QoS>,
    accepted: HashSet<usize>,
    /// For each reader, and how often as a new message: readers of one group are one reader.
    arrived: HashMap<&'static str, HashMap<usize, u32>>,
    connections: u64,
    latencies: Vec<Duration>,
}

/// Whose subscription promises at most one of each message of QoS 2.
pub const READERS: [&str; 4] = ["reader-1", "reader-2", "reader-3", "group"];
/// The one of them that has asked for QoS 1 alone.
const CARELESS: &str = "reader-3";

impl Accounts {
    /// The number of the next message.
    pub fn number(&self, qos: QoS) -> usize {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.books().qualities.insert(number, qos);
        number
    }

    /// Writes down what a client has seen.
    pub fn enter(&self, reader: &'static str, happened: Vec<Happened>) {
        let mut books = self.books();
        for happened in happened {
            match happened {
                Happened::Accepted(number) => drop(books.accepted.insert(number)),
                Happened::Received { number, .. } => {
                    *books.arrived.entry(reader).or_default().entry(number).or_default() += 1;
                }
                Happened::SessionLost => panic!("the session of {reader} is lost"),
            }
        }
    }

    pub fn connected(&self) {
        self.books().connections += 1;
    }

    pub fn command_took(&self, time: Duration) {
        self.books().latencies.push(time);
    }

    /// How many messages have arrived so far, to see whether there are still some under way.
    pub fn arrived(&self) -> usize {
        self.books().arrived.values().map(HashMap::len).sum()
    }

    /// Panics where a promise was broken.
    pub fn settle(&self) {
        let books = self.books();
        for reader in READERS {
            let nothing = HashMap::new();
            let arrived = books.arrived.get(reader).unwrap_or(&nothing);
            let lost: Vec<_> = books.accepted.iter().filter(|number| !arrived.contains_key(number)).collect();
            assert!(lost.is_empty(), "{} accepted messages never reached {reader}: {lost:?}", lost.len());
            let exactly = |number: &usize| books.qualities[number] == QoS::ExactlyOnce && reader != CARELESS;
            let twice: Vec<_> =
                arrived.iter().filter(|(number, times)| **times > 1 && exactly(number)).collect();
            assert!(twice.is_empty(), "{} messages of QoS 2 came to {reader} again: {twice:?}", twice.len());
        }
    }

    /// Prints how much there was of everything.
    pub fn tell(&self) {
        let mut books = self.books();
        let of = |qos: QoS| books.qualities.values().filter(|other| **other == qos).count();
        println!(
            "{} connections; published {} of QoS 0, {} of QoS 1, {} of QoS 2; {} acknowledged; {} received",
            books.connections,
            of(QoS::AtMostOnce),
            of(QoS::AtLeastOnce),
            of(QoS::ExactlyOnce),
            books.accepted.len(),
            books.arrived.values().map(HashMap::len).sum::<usize>(),
        );
        books.latencies.sort();
        let at = |part: f64| {
            let place = (books.latencies.len() as f64 * part) as usize;
            books.latencies.get(place).map_or(0, Duration::as_micros)
        };
        println!(
            "{} commands over the line protocol, there and back: p50 {} us, p99 {} us, p99.9 {} us",
            books.latencies.len(),
            at(0.5),
            at(0.99),
            at(0.999)
        );
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("nobody panicked")
    }
}
