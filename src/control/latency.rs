//! How long commands take: from being handed over to the answer, counted in buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The latencies of all commands since the start.  The hardware thread adds to it, and anybody reads it meanwhile.
#[derive(Debug, Default)]
pub struct Latency {
    /// One for each of [`BOUNDS`], and one for what is above them.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// What was counted at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Latencies {
    /// For each of [`BOUNDS`] how many took that long at most.
    pub at_most: [u64; BOUNDS.len()],
    /// How many there were.
    pub count: u64,
    /// How long they took together.
    pub sum: Duration,
}

/// The upper bounds of the buckets.
pub const BOUNDS: [Duration; 15] = [
    Duration::from_micros(25),
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// The same in nanoseconds, which are quicker to compare.
const NANOSECONDS: [u64; BOUNDS.len()] = {
    let mut nanoseconds = [0; BOUNDS.len()];
    let mut index = 0;
    while index < BOUNDS.len() {
        nanoseconds[index] = BOUNDS[index].as_nanos() as u64;
        index += 1;
    }
    nanoseconds
};

impl Latency {
    /// Only the hardware thread calls this.
    pub(super) fn add(&self, took: Duration) {
        // One writer needs no locked addition.
        let add = |to: &AtomicU64, more: u64| {
            to.store(to.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
        };
        // 64 bits of nanoseconds are 584 years of waiting.
        let nanoseconds = took.as_nanos() as u64;
        let bucket = NANOSECONDS.iter().position(|bound| nanoseconds <= *bound).unwrap_or(BOUNDS.len());
        add(&self.buckets[bucket], 1);
        add(&self.nanoseconds, nanoseconds);
    }

    /// What was counted until now; nobody waits for anybody.
    pub fn read(&self) -> Latencies {
        let (mut at_most, mut count) = ([0; BOUNDS.len()], 0);
        for (bucket, total) in self.buckets.iter().zip(&mut at_most) {
            count += bucket.load(Ordering::Relaxed);
            *total = count;
        }
        count += self.buckets[BOUNDS.len()].load(Ordering::Relaxed);
        Latencies { at_most, count, sum: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_counted_up_to_their_bounds() {
        let latency = Latency::default();
        for micros in [1, 25, 26, 1_000_000, 1_000_001] {
            latency.add(Duration::from_micros(micros));
        }
        let read = latency.read();
        assert_eq!((read.at_most[0], read.at_most[1], read.at_most[13], read.at_most[14]), (2, 3, 3, 4));
        assert_eq!((read.count, read.sum), (5, Duration::from_micros(2_000_053)));
    }
}
