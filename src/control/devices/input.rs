//! `input`: any signal on one line.

use std::time::Instant;

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
    name: "input",
    summary: "any signal on one line",
    example: r#""line": "GPIO24",        // a name, or an offset on the chip
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"active_low": false,     // true when a low level means active
"bias": "pull-down",     // as-is, disabled, pull-up or pull-down: what holds the line while nothing drives it
"debounce": "0s",        // how long a level has to stay before it counts"#,
    actions: &[READ],
    simulated_actions: SIMULATED,
    unit: None,
    range: (0.0, 1.0),
    read,
};

const SIMULATED: &[ActionSpec] = &[
    ActionSpec { name: "activate", summary: "drives the simulated line to active", parameters: &[] },
    ActionSpec { name: "deactivate", summary: "drives the simulated line to inactive", parameters: &[] },
];

#[derive(Deserialize)]
struct InputSettings {
    line: LineRef,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    #[serde(default)]
    bias: Bias,
    debounce: Option<Span>,
}

struct Plan {
    input: InputPlan,
}

struct Signal {
    line: Debounced,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let given: InputSettings = settings.read(mistakes)?;
    Some(Box::new(Plan {
        input: InputPlan {
            role: "line",
            address: LineAddress { chip: given.chip, line: given.line },
            polarity: Polarity::from_active_low(given.active_low),
            bias: given.bias,
            debounce: given.debounce.unwrap_or(Span::from_millis(0)),
        }
        .checked(settings, mistakes)?,
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
        Ok(Box::new(Signal { line: self.input.open(bench)? }))
    }
}

impl Device for Signal {
    fn act(&mut self, verb: &str, arguments: &Arguments, _now: Instant) -> Result<(), Refusal> {
        let value = match verb {
            "read" => {
                arguments.none()?;
                self.line.read()?;
                return Ok(());
            }
            "activate" => Value::Active,
            "deactivate" => Value::Inactive,
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        };
        arguments.none()?;
        self.line.drive(value)?;
        Ok(())
    }

    fn edge(&mut self, edge: Edge, now: Instant) {
        self.line.edge(edge, now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.line.deadline()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        if self.line.tick(now) { Ticked::Changed } else { Ticked::Quiet }
    }

    fn observe(&self) -> Observation {
        let value = self.line.value();
        let event = match &value {
            Ok(Value::Active) => "active",
            Ok(Value::Inactive) => "inactive",
            Err(_) => "fault",
        };
        Observation {
            event,
            value: value.map(Value::number),
            edge: self.line.edge_stamp(),
            fields: Vec::new(),
        }
    }
}
