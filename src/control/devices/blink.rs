//! Blinking: when the next change is due and what it is.  It has no line and no clock.

use std::time::{Duration, Instant};

use crate::domain::{Arguments, Refusal, Value};

/// A phase of less than this would only heat a relay and fill the network.
const LEAST: Duration = Duration::from_millis(10);

/// A blinking that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blink {
    on_time: Duration,
    off_time: Duration,
    /// Phases of being on that are still to come; `None` for no end.
    remaining: Option<u32>,
    value: Value,
    due: Instant,
}

impl Blink {
    /// Begins with being on, now.
    pub(super) fn begin(arguments: &Arguments, now: Instant) -> Result<Blink, Refusal> {
        let mut argument = arguments.take();
        let second = Duration::from_secs(1);
        let on_time = argument.duration("on_time", LEAST, second)?;
        let off_time = argument.duration("off_time", LEAST, second)?;
        let remaining = argument.count("n")?.map(|n| n - 1);
        argument.finish()?;
        Ok(Blink { on_time, off_time, remaining, value: Value::Active, due: now + on_time })
    }

    /// What the output is to be now.
    pub(super) fn value(&self) -> Value {
        self.value
    }

    /// When that changes.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// The blinking after its next change, or nothing when it ends off.
    pub(super) fn next(mut self, now: Instant) -> Option<Blink> {
        let time = if self.value.is_active() {
            self.value = Value::Inactive;
            // The last phase of being off has no end.
            if self.remaining == Some(0) {
                return None;
            }
            self.off_time
        } else {
            self.remaining = self.remaining.map(|n| n - 1);
            self.value = Value::Active;
            self.on_time
        };
        // A rhythm does not drift; one that fell behind by a phase begins afresh and does not catch up.
        self.due += time;
        if self.due <= now {
            self.due = now + time;
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Datum;

    #[test]
    fn it_blinks_n_times_and_keeps_its_rhythm() {
        let start = Instant::now();
        let arguments =
            Arguments { positional: vec![Datum::Number(0.1), "200ms".into(), 2.0.into()], named: vec![] };
        let mut blink = Some(Blink::begin(&arguments, start).expect("good arguments"));
        let mut seen = Vec::new();
        while let Some(now) = blink {
            let late = now.due() + Duration::from_millis(7);
            seen.push((now.value().is_active(), (now.due() - start).as_millis()));
            blink = now.next(late);
        }
        assert_eq!(seen, [(true, 100), (false, 300), (true, 400)]);
    }

    #[test]
    fn phases_have_a_least_length() {
        let arguments = Arguments { positional: vec![Datum::Number(0.001)], named: vec![] };
        assert!(Blink::begin(&arguments, Instant::now()).is_err());
    }
}
