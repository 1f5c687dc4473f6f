//! Chance and time for one client: what it does next, and how long it waits before.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::random::Random;

/// One client's own chance, and when all is over.
pub struct Tempo {
    random: Random,
    over: Receiver<()>,
}

impl Tempo {
    /// Until the other end of `over` is gone.
    pub fn new(seed: u64, over: Receiver<()>) -> Tempo {
        Tempo { random: Random::new(seed), over }
    }

    /// A number below `count`.
    pub fn below(&mut self, count: u64) -> u64 {
        self.random.below(count)
    }

    /// A place in a list of so many.
    pub fn place(&mut self, count: usize) -> usize {
        self.random.below(count as u64) as usize
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.random.below(times) == 0
    }

    /// Waits for up to so many milliseconds; false when all is over.
    pub fn pause(&mut self, most: u64) -> bool {
        let pause = self.random.milliseconds(most.max(1));
        self.wait(pause)
    }

    /// Waits for so long; false when all is over.
    pub fn wait(&self, time: Duration) -> bool {
        self.over.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }
}
