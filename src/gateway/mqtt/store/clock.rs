//! Times as the file has them: by the calendar, and bounded by how long they were meant to last.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::gateway::mqtt::kept::Expiry;

/// One moment, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// By the one that only goes forward, and begins with the machine.
    pub(super) now: Instant,
    /// By the calendar: milliseconds since 1970.
    pub(super) epoch_ms: u64,
}

/// A moment in the future as the file has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// By the calendar: milliseconds since 1970.
    pub(super) epoch_ms: u64,
    /// How far away it was when it was written, in milliseconds.
    pub(super) left_ms: u64,
}

impl Clock {
    /// Looks at both clocks.
    pub(super) fn read() -> Clock {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { now: Instant::now(), epoch_ms: millis(epoch) }
    }

    /// A deadline as it is written.
    pub(super) fn due(&self, deadline: Instant) -> Due {
        let left_ms = millis(deadline.saturating_duration_since(self.now));
        Due { epoch_ms: self.epoch_ms.saturating_add(left_ms), left_ms }
    }

    /// A deadline as it is read.  A calendar that went back, as on a board without a clock, makes it no longer than
    /// it was.
    pub(super) fn deadline(&self, due: Due) -> Instant {
        let left = due.epoch_ms.saturating_sub(self.epoch_ms).min(due.left_ms);
        self.now.checked_add(Duration::from_millis(left)).unwrap_or(self.now)
    }

    /// A moment in the past as it is written.
    pub(super) fn past(&self, moment: Instant) -> u64 {
        self.epoch_ms.saturating_sub(millis(self.now.saturating_duration_since(moment)))
    }

    /// A moment in the past as it is read; one that is not in the past by the calendar is now.
    pub(super) fn moment(&self, epoch_ms: u64) -> Instant {
        let ago = Duration::from_millis(self.epoch_ms.saturating_sub(epoch_ms));
        self.now.checked_sub(ago).unwrap_or(self.now)
    }
}

/// A Session Expiry Interval in seconds [MQTT-3.1.2-23].
pub(super) fn seconds(expiry: Expiry) -> u32 {
    match expiry {
        Expiry::AtOnce => 0,
        Expiry::After(time) => u32::try_from(time.as_secs()).unwrap_or(u32::MAX),
        Expiry::Never => u32::MAX,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_that_jumps_back_keeps_nothing_for_longer_than_it_was_meant() {
        let clock = Clock { now: Instant::now(), epoch_ms: 1_000_000 };
        let due = clock.due(clock.now + Duration::from_secs(10));
        let left = |epoch_ms| Clock { epoch_ms, ..clock }.deadline(due) - clock.now;
        assert_eq!(left(1_000_000), Duration::from_secs(10));
        assert_eq!(left(1_004_000), Duration::from_secs(6), "it went on");
        assert_eq!(left(9_000_000), Duration::ZERO, "it has passed");
        assert_eq!(left(0), Duration::from_secs(10), "the calendar began again");
    }

    #[test]
    fn a_moment_is_as_long_ago_as_the_calendar_says_and_never_to_come() {
        let clock = Clock { now: Instant::now(), epoch_ms: 1_000_000 };
        let written = clock.past(clock.now - Duration::from_secs(3));
        assert_eq!(clock.now - clock.moment(written), Duration::from_secs(3));
        assert_eq!(Clock { epoch_ms: 0, ..clock }.moment(written), clock.now);
    }
}
