//! How long a sign-in is good: until a time of the wall clock, watched on the clock that deadlines are kept on.
//!
//! When its time has come by that clock, the wall clock is asked again: one that was set back makes it last longer.  It
//! is asked once a minute besides, so that one that was set forward, as on a board that has no time before the network is
//! there, ends it soon.

use std::time::{Duration, Instant};

use crate::control::Now;

/// What ends at a time of the wall clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifetime {
    /// In seconds since 1970-01-01T00:00:00Z.
    expires: u64,
    due: Instant,
}

/// The wall clock is asked again after so many seconds.
const TRUST: f64 = 60.0;

impl Lifetime {
    pub(super) fn new(expires: u64, now: Now) -> Lifetime {
        let left = (expires as f64 - now.epoch).clamp(0.0, TRUST);
        Lifetime { expires, due: now.instant + Duration::from_secs_f64(left) }
    }

    /// When it is to be looked at.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Whether it is over; the wall clock is read only where that may be.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        self.due <= now && self.is_over_at(Now::at(now))
    }

    fn is_over_at(&mut self, now: Now) -> bool {
        if self.expires as f64 <= now.epoch {
            return true;
        }
        *self = Lifetime::new(self.expires, now);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_at_its_second_and_not_before() {
        let start = Now { instant: Instant::now(), epoch: 1000.25 };
        let after = |seconds| start.instant + Duration::from_secs_f64(seconds);
        let mut lifetime = Lifetime::new(1002, start);
        assert_eq!(lifetime.due(), after(1.75));
        assert!(!lifetime.is_over(after(1.7)), "nobody looks at the wall clock");
        assert!(lifetime.is_over_at(Now { instant: after(1.75), epoch: 1002.0 }));
        assert_eq!(Lifetime::new(1, start).due(), start.instant);
        assert_eq!(Lifetime::new(u64::MAX, start).due(), after(60.0));
    }

    #[test]
    fn a_clock_that_is_set_does_no_harm() {
        let start = Now { instant: Instant::now(), epoch: 1000.0 };
        let after = |seconds| start.instant + Duration::from_secs(seconds);
        let mut lifetime = Lifetime::new(1030, start);
        // It was set back by an hour, and forward again.
        assert!(!lifetime.is_over_at(Now { instant: after(30), epoch: -2570.0 }));
        assert_eq!(lifetime.due(), after(90));
        assert!(lifetime.is_over_at(Now { instant: after(90), epoch: 1090.0 }));
        // It was set forward by a year, which is seen within a minute.
        let mut lifetime = Lifetime::new(31_000_000, start);
        assert_eq!(lifetime.due(), after(60));
        assert!(lifetime.is_over_at(Now { instant: after(60), epoch: 31_536_000.0 }));
    }
}
