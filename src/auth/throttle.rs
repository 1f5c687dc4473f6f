//! Failed attempts make the next ones slow: by address, and by user.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Who has failed how often.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    addresses: Failures<IpAddr>,
    users: Failures<String>,
}

#[derive(Debug)]
struct Failures<K>(HashMap<K, Record>);

#[derive(Debug, Clone, Copy)]
struct Record {
    count: u32,
    last: Instant,
}

/// So many failures cost nothing: everybody mistypes.
const FREE: u32 = 2;
/// What the first one after that costs; every further one costs twice as much.
const FIRST: Duration = Duration::from_millis(100);
/// What one costs at most.  More would keep those out who share an address with somebody that guesses.
const LONGEST: Duration = Duration::from_secs(2);
/// After so long without another one, a failure is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(30);
/// So many addresses, and so many names, are remembered.
const REMEMBERED: usize = 1024;

impl Throttle {
    /// Somebody has failed: says when it is to be told.
    pub(super) fn failed(&mut self, address: IpAddr, user: &str, now: Instant) -> Instant {
        let by_address = self.addresses.failed(address, now);
        let by_user = self.users.failed(user.to_owned(), now);
        now + by_address.max(by_user)
    }

    /// When the next attempt from this address is looked at.
    pub(super) fn ready(&self, address: IpAddr) -> Option<Instant> {
        let record = self.addresses.0.get(&address)?;
        Some(record.last + cost(record.count))
    }
}

impl<K: Eq + Hash + Clone> Failures<K> {
    fn failed(&mut self, who: K, now: Instant) -> Duration {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&who) {
            self.forget(now);
        }
        let record = self.0.entry(who).or_insert(Record { count: 0, last: now });
        *record = Record { count: record.left(now).saturating_add(1), last: now };
        cost(record.count)
    }

    /// Makes room.
    fn forget(&mut self, now: Instant) {
        self.0.retain(|_, record| record.left(now) > 0);
        if self.0.len() >= REMEMBERED {
            let oldest = self.0.iter().min_by_key(|(_, record)| record.last).map(|(who, _)| who.clone());
            oldest.map(|who| self.0.remove(&who));
        }
    }
}

impl Record {
    /// How many of its failures still count.
    fn left(&self, now: Instant) -> u32 {
        let forgotten = now.saturating_duration_since(self.last).as_secs() / FORGOTTEN.as_secs();
        self.count.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}

impl<K> Default for Failures<K> {
    fn default() -> Failures<K> {
        Failures(HashMap::new())
    }
}

fn cost(failures: u32) -> Duration {
    match failures.checked_sub(FREE + 1) {
        None => Duration::ZERO,
        // Beyond the longest long before that many doublings.
        Some(doublings) => LONGEST.min(FIRST * (1 << doublings.min(10))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::BROADCAST);

    #[test]
    fn every_failure_costs_more_than_the_one_before_up_to_a_bound() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let costs: Vec<u128> = (0..9).map(|_| (throttle.failed(HERE, "a", now) - now).as_millis()).collect();
        assert_eq!(costs, [0, 0, 100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(throttle.ready(HERE), Some(now + LONGEST));
        assert_eq!(throttle.ready(THERE), None);
    }

    #[test]
    fn a_user_is_slowed_wherever_it_comes_from_and_an_address_whoever_comes_from_there() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..4 {
            throttle.failed(HERE, "a", now);
        }
        assert_eq!(throttle.failed(THERE, "a", now), now + 4 * FIRST);
        assert_eq!(throttle.failed(HERE, "b", now), now + 4 * FIRST);
        assert_eq!(throttle.failed(THERE, "c", now), now);
        // Whoever guesses from elsewhere makes nobody wait before its own attempt is looked at.
        assert!(throttle.ready(THERE).is_some_and(|ready| ready <= now));
    }

    #[test]
    fn failures_are_forgotten_and_bounded() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..5 {
            throttle.failed(HERE, "a", now);
        }
        assert_eq!(throttle.failed(HERE, "a", now + 5 * FORGOTTEN), now + 5 * FORGOTTEN);
        for number in 0..2 * REMEMBERED {
            throttle.failed(HERE, &number.to_string(), now);
        }
        assert_eq!(throttle.users.0.len(), REMEMBERED);
    }
}
