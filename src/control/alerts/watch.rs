//! One threshold and the number that it watches, without anything around them.
//!
//! ```text
//!             beyond a limit             for `duration`
//!   within ───────────────────► outside ────────────────► alert
//!     ▲  ◄──────────────────────┘                           │
//!     └─────────────────────────────────────────────────────┘
//!                       back, by the hysteresis
//! ```
//!
//! A device in a fault has no number.  Nobody knows then how it is, so that an alert is neither created nor resolved,
//! and the time until there is a number again does not count.

use std::time::{Duration, Instant};

use crate::domain::{Bounds, Limit};

/// The number of a device, as one threshold sees it.
#[derive(Debug)]
pub(super) struct Watch {
    bounds: Bounds,
    duration: Duration,
    stage: Stage,
}

/// What a look at the number has brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Turn {
    /// It has been beyond this limit for long enough, and is this.
    Created(Limit, f64),
    /// It is back, and is this.
    Resolved(f64),
}

#[derive(Debug)]
enum Stage {
    Within,
    Outside(Outside),
    Alert(Limit),
}

/// Beyond a limit, and not yet for long enough.
#[derive(Debug)]
struct Outside {
    limit: Limit,
    number: f64,
    /// For how long it was, before the device had a fault.
    spent: Duration,
    /// Since when it is; nothing as long as the device has a fault.
    since: Option<Instant>,
}

impl Watch {
    /// Of a number that nobody has looked at.
    pub(super) fn new(bounds: Bounds, duration: Duration) -> Watch {
        Watch { bounds, duration, stage: Stage::Within }
    }

    /// Takes note that the number is this since `now`, or that there is none.
    pub(super) fn observe(&mut self, number: Option<f64>, now: Instant) -> Vec<Turn> {
        // First, because until now the number was what it was before.
        let mut turns: Vec<Turn> = self.tick(now).into_iter().collect();
        let Some(number) = number.filter(|number| number.is_finite()) else {
            if let Stage::Outside(outside) = &mut self.stage {
                let since = outside.since.take().unwrap_or(now);
                outside.spent += now.saturating_duration_since(since);
            }
            return turns;
        };
        if let Stage::Alert(limit) = self.stage {
            if !self.bounds.is_back(limit, number) {
                return turns;
            }
            turns.push(Turn::Resolved(number));
            self.stage = Stage::Within;
        }
        self.stage = match (self.bounds.passed(number), std::mem::replace(&mut self.stage, Stage::Within)) {
            (None, _) => Stage::Within,
            (Some(limit), Stage::Outside(outside)) if outside.limit == limit => {
                Stage::Outside(Outside { number, since: outside.since.or(Some(now)), ..outside })
            }
            (Some(limit), _) => {
                Stage::Outside(Outside { limit, number, spent: Duration::ZERO, since: Some(now) })
            }
        };
        turns.extend(self.tick(now));
        turns
    }

    /// Creates the alert that is due.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Turn> {
        let is_due = self.deadline().is_some_and(|due| due <= now);
        let Stage::Outside(Outside { limit, number, .. }) = self.stage else { return None };
        is_due.then(|| {
            self.stage = Stage::Alert(limit);
            Turn::Created(limit, number)
        })
    }

    /// When the number has been beyond a limit for long enough, if it stays so.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let Stage::Outside(Outside { spent, since, .. }) = &self.stage else { return None };
        Some((*since)? + self.duration.saturating_sub(*spent))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A watch over 10 to 60 with a hysteresis of 2, and its clock in seconds.
    struct Trial {
        watch: Watch,
        start: Instant,
    }

    impl Trial {
        fn lasting(seconds: u64) -> Trial {
            let bounds = Bounds { minimum: Some(10.0), maximum: Some(60.0), hysteresis: 2.0 };
            Trial { watch: Watch::new(bounds, Duration::from_secs(seconds)), start: Instant::now() }
        }

        fn see(&mut self, second: u64, number: impl Into<Option<f64>>) -> Vec<Turn> {
            self.watch.observe(number.into(), self.start + Duration::from_secs(second))
        }

        fn due(&self) -> Option<u64> {
            self.watch.deadline().map(|due| (due - self.start).as_secs())
        }

        fn tick(&mut self, second: u64) -> Option<Turn> {
            self.watch.tick(self.start + Duration::from_secs(second))
        }
    }

    const HIGH: Turn = Turn::Created(Limit::Maximum, 61.0);

    #[test]
    fn without_a_duration_an_alert_comes_at_once_and_goes_by_the_hysteresis() {
        let mut trial = Trial::lasting(0);
        assert_eq!(trial.see(0, 60.0), []);
        assert_eq!(trial.see(1, 61.0), [HIGH]);
        assert_eq!([trial.see(2, 59.0), trial.see(3, 62.0)], [[], []], "it is one alert");
        assert_eq!(trial.see(4, 58.0), [Turn::Resolved(58.0)]);
        assert_eq!(trial.see(5, 9.0), [Turn::Created(Limit::Minimum, 9.0)]);
        assert_eq!(trial.see(6, 11.0), []);
        let other_side = trial.see(7, 61.0);
        assert_eq!(other_side, [Turn::Resolved(61.0), HIGH], "past the one limit is back from the other");
    }

    #[test]
    fn a_number_has_to_be_outside_for_all_of_the_duration() {
        let mut trial = Trial::lasting(5);
        assert_eq!((trial.see(0, 61.0), trial.due()), (vec![], Some(5)));
        assert_eq!((trial.see(4, 60.0), trial.due()), (vec![], None), "it begins again");
        assert_eq!((trial.see(6, 70.0), trial.due()), (vec![], Some(11)));
        assert_eq!((trial.see(7, 61.0), trial.due()), (vec![], Some(11)));
        assert_eq!((trial.tick(10), trial.tick(11), trial.tick(12)), (None, Some(HIGH), None));
        assert_eq!(trial.due(), None);
    }

    #[test]
    fn the_other_limit_is_another_matter() {
        let mut trial = Trial::lasting(5);
        trial.see(0, 61.0);
        assert_eq!((trial.see(3, 9.0), trial.due()), (vec![], Some(8)));
    }

    #[test]
    fn what_was_due_before_a_number_came_back_was_an_alert() {
        let mut trial = Trial::lasting(5);
        trial.see(0, 61.0);
        assert_eq!(trial.see(6, 20.0), [HIGH, Turn::Resolved(20.0)]);
    }

    #[test]
    fn a_fault_neither_creates_nor_resolves_and_its_time_does_not_count() {
        let mut trial = Trial::lasting(5);
        trial.see(0, 61.0);
        assert_eq!((trial.see(3, None), trial.due()), (vec![], None));
        assert_eq!((trial.see(50, None), trial.tick(100)), (vec![], None));
        assert_eq!((trial.see(100, 61.0), trial.due()), (vec![], Some(102)));
        assert_eq!(trial.tick(102), Some(HIGH));
        assert_eq!(trial.see(103, None), []);
        assert_eq!(trial.see(104, f64::NAN), [], "no number either");
        assert_eq!(trial.see(105, 30.0), [Turn::Resolved(30.0)]);
    }

    #[test]
    fn a_fault_before_the_number_came_back_forgets_the_time() {
        let mut trial = Trial::lasting(5);
        trial.see(0, 61.0);
        trial.see(4, None);
        trial.see(5, 20.0);
        assert_eq!((trial.see(6, 61.0), trial.due()), (vec![], Some(11)));
    }

    proptest! {
        /// Whatever the numbers do, creations and resolutions take turns; nothing is created that was within its limits
        /// a shorter time ago than the duration, and nothing is resolved within the hysteresis.
        #[test]
        fn alerts_never_flap(
            duration in 0_u64..4,
            steps in prop::collection::vec((0_u64..4, prop::option::weighted(0.8, 0.0_f64..70.0)), 1..60),
        ) {
            let mut trial = Trial::lasting(duration);
            let (mut second, mut open, mut fine) = (0, None, 0);
            for (pause, number) in steps {
                second += pause;
                for turn in trial.see(second, number) {
                    match turn {
                        Turn::Created(limit, value) => {
                            prop_assert_eq!(open.replace(limit), None);
                            prop_assert!(!(10.0..=60.0).contains(&value) && second - fine >= duration);
                        }
                        Turn::Resolved(value) => {
                            let limit = open.take();
                            let within = if limit == Some(Limit::Maximum) { value <= 58.0 } else { value >= 12.0 };
                            prop_assert!(limit.is_some() && within);
                        }
                    }
                }
                if number.is_some_and(|number| (10.0..=60.0).contains(&number)) {
                    fine = second;
                }
            }
        }
    }
}
