//! A signal: one input line that is active or not.  The kinds `input`, `motion` and `line` are signals.

use std::time::{Duration, Instant};

use super::actions::{self, READ};
use super::debounce::{Debounced, InputPlan, InputSettings};
use crate::control::{Bench, Blueprint, Device, Observation, Ticked};
use crate::domain::{
    ActionSpec, Arguments, EdgeStamp, LineAddress, Mistakes, Refusal, Settings, Span, Value, Wired,
};
use crate::hardware::{Edge, HardwareError};

/// What a signal can do.
pub(super) const ACTIONS: &[ActionSpec] = &[READ];

/// What it can do besides when it is simulated.
pub(super) const SIMULATED: &[ActionSpec] = &[
    ActionSpec { name: "activate", summary: "drives the simulated line to active", parameters: &[] },
    ActionSpec { name: "deactivate", summary: "drives the simulated line to inactive", parameters: &[] },
];

/// A signal counts at once where nothing else is said.
pub(super) const DEBOUNCE: Span = Span::from_millis(0);

/// A signal as it is configured.
pub(super) struct Plan {
    pub(super) words: &'static Words,
    pub(super) input: InputPlan,
    /// How long it goes on being active when its line is no more.
    pub(super) hold: Duration,
}

/// What a kind of signal calls things.
pub(super) struct Words {
    pub(super) kind: &'static str,
    /// What it is when it is inactive, and when it is active.
    pub(super) states: [&'static str; 2],
}

struct Signal {
    words: &'static Words,
    line: Debounced,
    hold: Duration,
    /// The line is inactive, and this is when the signal will be.
    until: Option<Instant>,
    /// The edge that made the signal what it is.
    stamp: Option<EdgeStamp>,
}

/// Reads the settings of a signal that is active just as long as its line.
pub(super) fn read(
    words: &'static Words,
    settings: &Settings<'_>,
    mistakes: &mut Mistakes,
) -> Option<Box<dyn Blueprint>> {
    let given: InputSettings = settings.read(mistakes)?;
    let input = given.plan(DEBOUNCE, settings, mistakes)?;
    Some(Box::new(Plan { words, input, hold: Duration::ZERO }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        self.input.lines()
    }

    fn is_output(&self) -> bool {
        false
    }

    fn states(&self) -> Option<&'static [&'static str]> {
        Some(&self.words.states)
    }
}

impl Blueprint for Plan {
    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        let line = self.input.open(bench)?;
        Ok(Box::new(Signal { words: self.words, line, hold: self.hold, until: None, stamp: None }))
    }
}

impl Signal {
    /// The line has changed: what becomes active does so at once, and what becomes inactive after the hold.
    fn changed(&mut self, now: Instant) {
        let goes_off = self.line.value() == Ok(Value::Inactive);
        let was_held = self.until.take().is_some();
        if goes_off && !self.hold.is_zero() {
            self.until = Some(now + self.hold);
        } else if !was_held {
            self.stamp = self.line.edge_stamp();
        }
    }
}

impl Device for Signal {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let value = match verb {
            "read" => None,
            "activate" => Some(Value::Active),
            "deactivate" => Some(Value::Inactive),
            _ => return Err(actions::unknown(verb, self.words.kind, ACTIONS)),
        };
        arguments.none()?;
        let changed = match value {
            Some(value) => self.line.drive(value)?,
            None => self.line.read()?,
        };
        if changed {
            self.changed(now);
        }
        Ok(())
    }

    fn edge(&mut self, edge: Edge, now: Instant) {
        if self.line.edge(edge, now) {
            self.changed(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        [self.line.deadline(), self.until].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        let mut ticked = Ticked::Quiet;
        if self.line.tick(now) {
            self.changed(now);
            ticked = Ticked::Changed;
        }
        if self.until.take_if(|until| *until <= now).is_some() {
            // Time made it so, and no edge.
            self.stamp = None;
            ticked = Ticked::Changed;
        }
        ticked
    }

    fn observe(&self) -> Observation {
        let value =
            self.line.value().map(|value| Value::from_bool(value.is_active() || self.until.is_some()));
        let event = match &value {
            Ok(Value::Inactive) => self.words.states[0],
            Ok(Value::Active) => self.words.states[1],
            Err(_) => "fault",
        };
        Observation { event, value: value.map(Value::number), edge: self.stamp, fields: Vec::new() }
    }
}
