//! How long to wait before the next attempt to connect.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Half a second at first, twice as much each time, at most 30 s; each of it half as much more or less, so that many
/// clients do not come back at the same time.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

impl Backoff {
    /// From its beginning.
    pub fn new() -> Backoff {
        Backoff { next: FIRST }
    }

    /// How long to wait this time.
    pub fn wait(&mut self) -> Duration {
        self.wait_with(random())
    }

    /// Somebody has answered: from its beginning again.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }

    /// Whoever took this client's place would lose it in turn: not soon.
    pub fn lengthen(&mut self) {
        self.next = LONGEST;
    }

    /// With a number from 0 to 1 in the place of chance.
    fn wait_with(&mut self, chance: f64) -> Duration {
        let wait = self.next.mul_f64(0.5 + chance);
        self.next = (self.next * 2).min(LONGEST);
        wait
    }
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff::new()
    }
}

/// A number from 0 to 1.
fn random() -> f64 {
    // Below 2^32, so nothing is lost.
    f64::from((random_bits() >> 32) as u32) / f64::from(u32::MAX)
}

/// Bits that differ between processes, and between calls; no secrets.
pub(super) fn random_bits() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_their_longest_and_begin_again() {
        let mut backoff = Backoff::new();
        let waits: Vec<u128> = (0..8).map(|_| backoff.wait_with(0.5).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        backoff.reset();
        assert_eq!(backoff.wait_with(0.0), FIRST / 2);
        backoff.lengthen();
        assert_eq!(backoff.wait_with(1.0), LONGEST * 3 / 2);
        assert!((FIRST / 4..LONGEST * 2).contains(&backoff.wait()));
    }
}
