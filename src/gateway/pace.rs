//! The pace of one client: so many commands in a second, and no more.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::domain::{Code, Refusal};

/// How fast one client may send commands, and how fast it does.
///
/// As many as may come in a second may come at once; after that one for each part of a second that passes.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: NonZeroU32,
    /// What each of them takes of the second.
    share: Duration,
    /// Until when those that were admitted would take, one after the other at the permitted pace.
    taken_until: Option<Instant>,
    /// Refused since it was last told.
    refused: u64,
    told: Option<Instant>,
}

/// A command too many.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooFast {
    /// What the client is told, each time.
    pub(super) refusal: Refusal,
    /// What the audit is told, once in a second: a flood must not become another one there.
    pub(super) audited: Option<Refusal>,
}

const SECOND: Duration = Duration::from_secs(1);

impl Pace {
    pub(super) fn new(per_second: NonZeroU32) -> Pace {
        let share = SECOND / per_second.get();
        Pace { per_second, share, taken_until: None, refused: 0, told: None }
    }

    /// Admits one more, or not.  What is refused takes nothing of what may follow.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), TooFast> {
        let begins = self.taken_until.map_or(now, |until| until.max(now));
        let ends = begins + self.share;
        if ends <= now + SECOND {
            self.taken_until = Some(ends);
            return Ok(());
        }
        self.refused += 1;
        let words = format!("more commands than {} in a second", self.per_second);
        let due = self.told.is_none_or(|told| now.saturating_duration_since(told) >= SECOND);
        let audited = due.then(|| {
            self.told = Some(now);
            let refused = std::mem::take(&mut self.refused);
            Refusal::new(Code::LimitReached, format!("{words}; {refused} refused since this was last said"))
        });
        Err(TooFast { refusal: Refusal::new(Code::LimitReached, words), audited })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(pace: &mut Pace, now: Instant, tries: usize) -> usize {
        (0..tries).filter(|_| pace.admit(now).is_ok()).count()
    }

    #[test]
    fn a_second_may_come_at_once_and_the_rest_one_after_the_other() {
        let mut pace = Pace::new(NonZeroU32::new(10).expect("not 0"));
        let now = Instant::now();
        assert_eq!(admitted(&mut pace, now, 100), 10);
        assert_eq!(admitted(&mut pace, now + Duration::from_millis(99), 100), 0);
        assert_eq!(admitted(&mut pace, now + Duration::from_millis(100), 100), 1);
        assert_eq!(admitted(&mut pace, now + Duration::from_millis(350), 100), 2);
        assert_eq!(admitted(&mut pace, now + Duration::from_secs(60), 100), 10, "nothing is saved up");
    }

    #[test]
    fn who_keeps_the_pace_is_never_refused() {
        let mut pace = Pace::new(NonZeroU32::new(3).expect("not 0"));
        let now = Instant::now();
        for number in 0..1000 {
            assert!(pace.admit(now + SECOND * number / 3).is_ok(), "{number}");
        }
    }

    #[test]
    fn the_audit_is_told_once_in_a_second() {
        let mut pace = Pace::new(NonZeroU32::MIN);
        let now = Instant::now();
        assert_eq!(admitted(&mut pace, now, 1), 1);
        let told = |pace: &mut Pace, later| {
            let too_fast = pace.admit(now + Duration::from_millis(later)).expect_err("it is too fast");
            assert_eq!(too_fast.refusal.message, "more commands than 1 in a second");
            too_fast.audited.map(|refusal| refusal.message.into_owned())
        };
        let words = |count| {
            Some(format!("more commands than 1 in a second; {count} refused since this was last said"))
        };
        assert_eq!([0, 10, 20].map(|later| told(&mut pace, later)), [words(1), None, None]);
        assert!(pace.admit(now + Duration::from_millis(1000)).is_ok());
        assert_eq!([1001, 1500].map(|later| told(&mut pace, later)), [words(3), None]);
    }
}
