//! The watchdog: when a silent client is asked whether it is there, and when it is given up.

use std::time::{Duration, Instant};

/// Watches one client.  It has no clock.
#[derive(Debug)]
pub(super) struct Watchdog {
    interval: Duration,
    /// When the client has been silent for too long.
    due: Instant,
    /// It was asked already, and has not been heard since.
    asked: bool,
    /// A client that has not said anything yet is not given up before.
    patience: Instant,
}

/// What the client's silence makes necessary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing yet.
    Fine,
    /// To ask whether it is there.
    Ask,
    /// To close.
    Close,
}

impl Watchdog {
    /// Begins now, with a client that has `connect_time` for its first frame.
    pub(super) fn new(interval: Duration, connect_time: Duration, now: Instant) -> Watchdog {
        Watchdog { interval, due: now + interval, asked: false, patience: now + connect_time }
    }

    /// How long the client may be silent.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Changes that, from now on.
    pub(super) fn set_interval(&mut self, interval: Duration, now: Instant) {
        self.interval = interval;
        self.heard(now);
    }

    /// The client said something.
    pub(super) fn heard(&mut self, now: Instant) {
        (self.due, self.asked, self.patience) = (now + self.interval, false, now);
    }

    /// When to tick.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Says what is to be done now.
    pub(super) fn tick(&mut self, now: Instant) -> Silence {
        if now < self.due {
            return Silence::Fine;
        }
        if self.asked {
            return Silence::Close;
        }
        self.asked = true;
        self.due = (now + self.interval).max(self.patience);
        Silence::Ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_client_that_never_spoke_has_the_time_to_connect() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(seconds(3), seconds(10), start);
        assert_eq!(watchdog.tick(start + seconds(2)), Silence::Fine);
        assert_eq!(watchdog.tick(start + seconds(3)), Silence::Ask);
        assert_eq!(watchdog.tick(start + seconds(9)), Silence::Fine);
        assert_eq!(watchdog.due(), start + seconds(10));
        assert_eq!(watchdog.tick(start + seconds(10)), Silence::Close);
    }

    #[test]
    fn a_client_that_spoke_has_two_intervals() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(seconds(3), seconds(10), start);
        watchdog.set_interval(seconds(1), start + seconds(2));
        assert_eq!(watchdog.tick(start + seconds(3)), Silence::Ask);
        watchdog.heard(start + seconds(3));
        assert_eq!(watchdog.tick(start + seconds(4)), Silence::Ask);
        assert_eq!(watchdog.tick(start + seconds(5)), Silence::Close);
    }
}
