//! A push button's line: whether it is pressed, and for how long it has been.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::debounce::{Debounced, InputPlan};
use crate::control::Bench;
use crate::domain::{EdgeStamp, Mistakes, Settings, Span, Value};
use crate::hardware::{Edge, HardwareError};

/// A line with a push button.
pub(super) struct Press {
    line: Debounced,
    hold: Hold,
    /// How often it was held since it was pressed.
    holds: u32,
    held_at: Option<Instant>,
}

/// When a button is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    time: Duration,
    repeat: bool,
}

/// Contacts bounce for a few milliseconds.
pub(super) const DEBOUNCE: Span = Span::from_millis(10);
const HOLD_TIME: Span = Span::from_millis(1000);
const LEAST_HOLD_TIME: Span = Span::from_millis(50);

impl Hold {
    /// From the settings `hold_time` and `hold_repeat`.
    pub(super) fn read(
        hold_time: Option<Span>,
        repeat: bool,
        settings: &Settings<'_>,
        mistakes: &mut Mistakes,
    ) -> Option<Hold> {
        let time = hold_time.unwrap_or(HOLD_TIME);
        if time < LEAST_HOLD_TIME {
            settings.mistake("hold_time", format!("hold_time is at least {LEAST_HOLD_TIME}"), mistakes);
            return None;
        }
        Some(Hold { time: time.0, repeat })
    }
}

impl Press {
    /// Takes the line.
    ///
    /// A button that is pressed at start was not pressed by anybody who knew; it counts as held when it is pressed
    /// anew.
    pub(super) fn open(input: &InputPlan, hold: Hold, bench: &mut Bench<'_>) -> Result<Press, HardwareError> {
        Ok(Press { line: input.open(bench)?, hold, holds: 0, held_at: None })
    }

    /// Whether it is pressed, or why nobody knows.
    pub(super) fn value(&self) -> Result<Value, Arc<str>> {
        self.line.value()
    }

    /// What it is: `pressed`, `held`, `released` or `fault`.
    pub(super) fn event(&self) -> &'static str {
        match self.line.value() {
            Ok(Value::Active) if self.holds > 0 => "held",
            Ok(Value::Active) => "pressed",
            Ok(Value::Inactive) => "released",
            Err(_) => "fault",
        }
    }

    /// How often it was held since it was pressed.
    pub(super) fn holds(&self) -> u32 {
        self.holds
    }

    /// The edge that made it what it is.
    pub(super) fn edge_stamp(&self) -> Option<EdgeStamp> {
        self.line.edge_stamp()
    }

    /// Takes note of an edge, if it is one of this line; true when it is pressed or released by it.
    pub(super) fn edge(&mut self, edge: Edge, now: Instant) -> bool {
        let changed = self.line.edge(edge, now);
        self.note(changed, now)
    }

    /// Asks the hardware; true when it is another than before.
    pub(super) fn read(&mut self, now: Instant) -> Result<bool, HardwareError> {
        let changed = self.line.read()?;
        Ok(self.note(changed, now))
    }

    /// Presses or releases it, where it is simulated; true when it is another than before.
    pub(super) fn drive(&mut self, value: Value, now: Instant) -> Result<bool, HardwareError> {
        let changed = self.line.drive(value)?;
        Ok(self.note(changed, now))
    }

    /// When to tick.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.line.deadline(), self.held_at].into_iter().flatten().min()
    }

    /// Does what is due; true when it is pressed, released or held by it.
    pub(super) fn tick(&mut self, now: Instant) -> bool {
        let changed = self.line.tick(now);
        let mut ticked = self.note(changed, now);
        if let Some(due) = self.held_at.filter(|due| *due <= now) {
            self.holds = self.holds.saturating_add(1);
            // Never more than one at once, however late this tick is.
            self.held_at = self.hold.repeat.then(|| (due + self.hold.time).max(now));
            ticked = true;
        }
        ticked
    }

    fn note(&mut self, changed: bool, now: Instant) -> bool {
        if changed {
            self.holds = 0;
            let is_pressed = self.line.value() == Ok(Value::Active);
            self.held_at = is_pressed.then(|| now + self.hold.time);
        }
        changed
    }
}
