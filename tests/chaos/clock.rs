//! The clock that the daemon, its journal and all clients share.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

/// A length of time in nanoseconds.
pub type Nanos = u64;

/// A time on CLOCK_MONOTONIC, in nanoseconds, which all processes of a machine share.
pub type Moment = Nanos;

/// What time it is.
pub fn now() -> Moment {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every kernel has it");
    nanos(Duration::from(now))
}

/// A length of time.
pub fn nanos(length: Duration) -> Nanos {
    u64::try_from(length.as_nanos()).expect("nobody waits for centuries")
}

/// Milliseconds as nanoseconds.
pub const fn milliseconds(count: u64) -> Nanos {
    count * 1_000_000
}

/// The time of day in so many milliseconds, in seconds since 1970-01-01T00:00:00Z.
pub fn time_of_day_in(count: u64) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    (now + Duration::from_millis(count)).as_secs_f64()
}
