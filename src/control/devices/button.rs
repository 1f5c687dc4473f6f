//! `button`: a push button, debounced, that also tells when it is held.

use std::time::Instant;

use serde::Deserialize;

use super::actions::{self, READ};
use super::debounce::{InputPlan, InputSettings};
use super::press::{DEBOUNCE, Hold, Press};
use crate::control::{Bench, Blueprint, Device, Kind, Observation, Ticked};
use crate::domain::{
    ActionSpec, Arguments, Datum, LineAddress, Mistakes, Refusal, Settings, Span, Value, Wired,
};
use crate::hardware::{Edge, HardwareError};

pub(super) static KIND: Kind = Kind {
    name: "button",
    summary: "a push button: pressed, held and released",
    example: r#""line": "GPIO22",        // a name, or an offset on the chip
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"active_low": true,      // true when pressing connects the line to ground
"bias": "pull-up",       // as-is, disabled, pull-up or pull-down: what holds the line while nothing drives it
"debounce": "10ms",      // how long a level has to stay before it counts, at most 1min
"hold_time": "1s",       // how long it has to be pressed to be held, at least 50ms
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

#[derive(Deserialize)]
struct ButtonSettings {
    hold_time: Option<Span>,
    #[serde(default)]
    hold_repeat: bool,
}

struct Plan {
    input: InputPlan,
    hold: Hold,
}

struct Button {
    press: Press,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (input, given) = settings.read_both::<InputSettings, ButtonSettings>(mistakes)?;
    let hold = Hold::read(given.hold_time, given.hold_repeat, settings, mistakes)?;
    Some(Box::new(Plan { input: input.plan(DEBOUNCE, settings, mistakes)?, hold }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        self.input.lines()
    }

    fn is_output(&self) -> bool {
        false
    }

    fn states(&self) -> Option<&'static [&'static str]> {
        Some(&["pressed", "held", "released"])
    }

    fn numbers(&self) -> Option<&'static [&'static str]> {
        Some(&["holds"])
    }
}

impl Blueprint for Plan {
    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        Ok(Box::new(Button { press: Press::open(&self.input, self.hold, bench)? }))
    }
}

impl Device for Button {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let value = match verb {
            "read" => None,
            "press" => Some(Value::Active),
            "release" => Some(Value::Inactive),
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        };
        arguments.none()?;
        match value {
            Some(value) => self.press.drive(value, now)?,
            None => self.press.read(now)?,
        };
        Ok(())
    }

    fn edge(&mut self, edge: Edge, now: Instant) {
        self.press.edge(edge, now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.press.deadline()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        if self.press.tick(now) { Ticked::Changed } else { Ticked::Quiet }
    }

    fn observe(&self) -> Observation {
        let holds = self.press.holds();
        let fields = if holds > 0 { vec![("holds", Datum::from(f64::from(holds)))] } else { Vec::new() };
        Observation {
            event: self.press.event(),
            value: self.press.value().map(Value::number),
            edge: self.press.edge_stamp(),
            fields,
        }
    }
}
