//! Refusals of those who are not in: told one by one as long as they are few, and counted when they are many, so that
//! no flood of them hides what else happens, or fills the audit with itself.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// What may still be told one by one, and what was only counted.
pub(super) struct Tally {
    addresses: HashMap<IpAddr, Bucket>,
    everybody: Bucket,
    counted: HashMap<IpAddr, u64>,
    /// Those of addresses for which there was no room.
    beyond: u64,
    due: Option<Instant>,
    pause: Duration,
    summed: Option<Instant>,
}

/// How something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// By itself, now.
    Alone,
    /// With others, later.
    InSum,
}

/// So many were only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) count: u64,
    /// Where most of them came from.
    pub(super) address: IpAddr,
    /// From how many other addresses some came, as far as that is known.
    others: usize,
}

/// How many were told of late.
struct Bucket {
    told: u32,
    since: Instant,
}

/// How much is told one by one: so many at once, and one more after each such time.
struct Measure(u32, Duration);

/// From one address.
const ADDRESS: Measure = Measure(10, Duration::from_secs(30));
/// From all of them: whoever has one address may have many.  That is 3 MB of the audit in a day.
const EVERYBODY: Measure = Measure(100, Duration::from_secs(10));
/// So soon the first sum is told, and the next one twice as late each time.
const FIRST: Duration = Duration::from_secs(1);
/// But not later than this.  After so long without one they begin anew.
const LONGEST: Duration = Duration::from_secs(64);
/// So many addresses are told apart.
const REMEMBERED: usize = 1024;

impl Tally {
    pub(super) fn new(now: Instant) -> Tally {
        Tally {
            addresses: HashMap::new(),
            everybody: Bucket { told: 0, since: now },
            counted: HashMap::new(),
            beyond: 0,
            due: None,
            pause: FIRST,
            summed: None,
        }
    }

    /// Something from this address was refused: how it is told.
    pub(super) fn note(&mut self, address: IpAddr, now: Instant) -> Telling {
        if self.addresses.len() >= REMEMBERED {
            self.addresses.retain(|_, bucket| bucket.told(&ADDRESS, now) > 0);
        }
        let has_room = self.addresses.len() < REMEMBERED || self.addresses.contains_key(&address);
        let mut own =
            || self.addresses.entry(address).or_insert(Bucket { told: 0, since: now }).take(&ADDRESS, now);
        if has_room && own() && self.everybody.take(&EVERYBODY, now) {
            return Telling::Alone;
        }
        if self.counted.len() < REMEMBERED || self.counted.contains_key(&address) {
            *self.counted.entry(address).or_default() += 1;
        } else {
            self.beyond += 1;
        }
        if self.due.is_none() {
            let is_quiet = |summed| now.saturating_duration_since(summed) >= LONGEST;
            self.pause = if self.summed.is_none_or(is_quiet) { FIRST } else { self.pause };
            self.due = Some(now + self.pause);
        }
        Telling::InSum
    }

    /// When there is a sum to be told.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The sum that is due.
    pub(super) fn sum(&mut self, now: Instant) -> Option<Sum> {
        self.due.filter(|due| *due <= now)?;
        self.summed = Some(now);
        self.pause = LONGEST.min(self.pause * 2);
        self.rest()
    }

    /// The sum, whether it is due or not.
    pub(super) fn rest(&mut self) -> Option<Sum> {
        self.due = None;
        let counted = std::mem::take(&mut self.counted);
        let count = counted.values().sum::<u64>() + std::mem::take(&mut self.beyond);
        let (address, _) = counted.iter().max_by_key(|(_, count)| **count)?;
        Some(Sum { count, address: *address, others: counted.len() - 1 })
    }
}

impl Bucket {
    /// How many of them still count.
    fn told(&self, Measure(_, every): &Measure, now: Instant) -> u32 {
        let forgotten = now.saturating_duration_since(self.since).as_secs() / every.as_secs();
        self.told.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }

    fn take(&mut self, measure: &Measure, now: Instant) -> bool {
        let told = self.told(measure, now);
        if told < self.told {
            *self = Bucket { told, since: now };
        }
        let has_room = told < measure.0;
        self.told += u32::from(has_room);
        has_room
    }
}

/// As a person reads it: `1234 more from 192.0.2.7 and 3 other addresses`.
impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sum { count, address, others } = self;
        match others {
            0 => write!(f, "{count} more from {address}"),
            1 => write!(f, "{count} more from {address} and another address"),
            _ => write!(f, "{count} more from {address} and {others} other addresses"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from(number).into()
    }

    fn alone(tally: &mut Tally, address: IpAddr, now: Instant, times: usize) -> usize {
        (0..times).filter(|_| tally.note(address, now) == Telling::Alone).count()
    }

    #[test]
    fn a_few_are_told_one_by_one_and_the_others_are_counted() {
        let now = Instant::now();
        let mut tally = Tally::new(now);
        assert_eq!((alone(&mut tally, address(1), now, 1244), tally.due()), (10, Some(now + FIRST)));
        assert_eq!(alone(&mut tally, address(2), now, 11), 10, "another address has its own");
        assert_eq!(tally.sum(now), None, "it is not due");
        let sum = tally.sum(now + FIRST).expect("due");
        assert_eq!(
            (sum.count, sum.to_string().as_str()),
            (1235, "1235 more from 0.0.0.1 and another address")
        );
        assert_eq!((tally.due(), tally.rest()), (None, None));
        assert_eq!(alone(&mut tally, address(1), now + 3 * ADDRESS.1, 10), 3, "one after each time");
    }

    #[test]
    fn sums_of_a_flood_come_later_and_later() {
        let start = Instant::now();
        let (mut tally, mut now, mut told) = (Tally::new(start), start, Vec::new());
        for _ in 0..9 {
            while tally.note(address(1), now) == Telling::Alone {}
            now = tally.due().expect("it is counted");
            told.push((now - start).as_secs());
            assert!(tally.sum(now).is_some_and(|sum| sum.count == 1));
        }
        assert_eq!(told, [1, 3, 7, 15, 31, 63, 127, 191, 255]);
        let later = now + 100 * LONGEST;
        alone(&mut tally, address(1), later, 11);
        assert_eq!(tally.due(), Some(later + FIRST), "they begin anew");
    }

    #[test]
    fn whoever_has_many_addresses_fills_nothing() {
        let now = Instant::now();
        let mut tally = Tally::new(now);
        let told = (0..10_000).filter(|number| tally.note(address(*number), now) == Telling::Alone).count();
        assert_eq!(told, 100);
        assert!(tally.addresses.len() <= REMEMBERED && tally.counted.len() <= REMEMBERED);
        assert_eq!(tally.rest().map(|sum| sum.count), Some(9900));
        assert_eq!(alone(&mut tally, address(20_000), now + ADDRESS.1, 5), 3, "addresses are forgotten");
    }
}
