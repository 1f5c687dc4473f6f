//! `button`: a push button, debounced, that also tells when it is held.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::actions::{self, READ};
use super::debounce::{Debounced, InputPlan};
use crate::control::{Bench, Blueprint, Device, Kind, Observation, Ticked};
use crate::domain::{
    ActionSpec, Arguments, Bias, Datum, LineAddress, LineRef, Mistakes, Polarity, Refusal, Settings, Span,
    Value, Wired,
};
use crate::hardware::{Edge, HardwareError};

pub(super) static KIND: Kind = Kind {
    name: "button",
    summary: "a push button: pressed, held and released",
    example: r#""line": "GPIO22",        // a name, or an offset on the chip
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"active_low": true,      // true when pressing connects the line to ground
"bias": "pull-up",       // as-is, disabled, pull-up or pull-down: what holds the line while nothing drives it
"debounce": "10ms",      // how long a level has to stay before it counts
"hold_time": "1s",       // how long it has to be pressed to be held
"hold_repeat": false,    // true to tell again after every further hold_time"#,
    actions: &[READ],
    simulated_actions: SIMULATED,
    unit: None,
    range: (0.0, 1.0),
    read,
};

const SIMULATED: &[ActionSpec] = &[
    ActionSpec { name: "press", summary: "presses the simulated button", parameters: &[] },
    ActionSpec { name: "release", summary: "releases the simulated button", parameters: &[] },
];

/// Contacts bounce for a few milliseconds.
const DEBOUNCE: Span = Span::from_millis(10);
const HOLD_TIME: Span = Span::from_millis(1000);
const LEAST_HOLD_TIME: Span = Span::from_millis(50);

#[derive(Deserialize)]
struct ButtonSettings {
    line: LineRef,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    #[serde(default)]
    bias: Bias,
    debounce: Option<Span>,
    hold_time: Option<Span>,
    #[serde(default)]
    hold_repeat: bool,
}

struct Plan {
    input: InputPlan,
    hold: Hold,
}

#[derive(Clone, Copy)]
struct Hold {
    time: Duration,
    repeat: bool,
}

struct Button {
    line: Debounced,
    hold: Hold,
    /// How often it was held since it was pressed.
    holds: u32,
    held_at: Option<Instant>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let given: ButtonSettings = settings.read(mistakes)?;
    let hold_time = given.hold_time.unwrap_or(HOLD_TIME);
    if hold_time < LEAST_HOLD_TIME {
        settings.mistake("hold_time", format!("hold_time is at least {LEAST_HOLD_TIME}"), mistakes);
        return None;
    }
    Some(Box::new(Plan {
        input: InputPlan {
            role: "line",
            address: LineAddress { chip: given.chip, line: given.line },
            polarity: Polarity::from_active_low(given.active_low),
            bias: given.bias,
            debounce: given.debounce.unwrap_or(DEBOUNCE),
        }
        .checked(settings, mistakes)?,
        hold: Hold { time: hold_time.0, repeat: given.hold_repeat },
    }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        self.input.lines()
    }

    fn is_output(&self) -> bool {
        false
    }
}

impl Blueprint for Plan {
    fn safety(&self) -> Vec<(&'static str, Datum)> {
        Vec::new()
    }

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        // A button that is pressed at start was not pressed by anybody who knew; it counts as held when it is
        // pressed anew.
        let line = self.input.open(bench)?;
        Ok(Box::new(Button { line, hold: self.hold, holds: 0, held_at: None }))
    }
}

impl Button {
    fn is_pressed(&self) -> bool {
        self.line.value() == Ok(Value::Active)
    }

    fn changed(&mut self, now: Instant) {
        self.holds = 0;
        self.held_at = self.is_pressed().then(|| now + self.hold.time);
    }
}

impl Device for Button {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let value = match verb {
            "read" => {
                arguments.none()?;
                if self.line.read()? {
                    self.changed(now);
                }
                return Ok(());
            }
            "press" => Value::Active,
            "release" => Value::Inactive,
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        };
        arguments.none()?;
        if self.line.drive(value)? {
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
        [self.line.deadline(), self.held_at].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        let mut ticked = Ticked::Quiet;
        if self.line.tick(now) {
            self.changed(now);
            ticked = Ticked::Changed;
        }
        if let Some(due) = self.held_at.filter(|due| *due <= now) {
            self.holds = self.holds.saturating_add(1);
            // Never more than one at once, however late this tick is.
            self.held_at = self.hold.repeat.then(|| (due + self.hold.time).max(now));
            ticked = Ticked::Changed;
        }
        ticked
    }

    fn observe(&self) -> Observation {
        let value = self.line.value();
        let event = match &value {
            Ok(Value::Active) if self.holds > 0 => "held",
            Ok(Value::Active) => "pressed",
            Ok(Value::Inactive) => "released",
            Err(_) => "fault",
        };
        let fields =
            if self.holds > 0 { vec![("holds", Datum::from(f64::from(self.holds)))] } else { Vec::new() };
        Observation { event, value: value.map(Value::number), edge: self.line.edge_stamp(), fields }
    }
}
