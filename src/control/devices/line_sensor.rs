//! `line`: a sensor that sees a line on the floor, as robots follow it.

use std::time::Duration;

use serde::Deserialize;

use super::debounce::InputPlan;
use super::signal::{self, Plan, Words};
use crate::control::{Blueprint, Kind};
use crate::domain::{Bias, LineAddress, LineRef, Mistakes, Polarity, Settings, Span};

pub(super) static KIND: Kind = Kind {
    name: WORDS.kind,
    summary: "a sensor that sees a line on the floor",
    example: r#""line": "GPIO8",         // the sensor's output: a name, or an offset on the chip
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"active_low": true,      // true when the sensor's output is low over the line
"bias": "as-is",         // as-is, disabled, pull-up or pull-down: what holds the line while nothing drives it
"debounce": "0s",        // how long a level has to stay before it counts, at most 1min"#,
    actions: signal::ACTIONS,
    simulated_actions: signal::SIMULATED,
    unit: None,
    range: (0.0, 1.0),
    read,
};

const WORDS: Words = Words { kind: "line", states: ["no_line", "line"] };

#[derive(Deserialize)]
struct LineSettings {
    line: LineRef,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    #[serde(default)]
    bias: Bias,
    debounce: Option<Span>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let given: LineSettings = settings.read(mistakes)?;
    let input = InputPlan {
        role: "line",
        address: LineAddress { chip: given.chip, line: given.line },
        polarity: Polarity::from_active_low(given.active_low),
        bias: given.bias,
        debounce: given.debounce.unwrap_or(Span::from_millis(0)),
    };
    Some(Box::new(Plan { words: &WORDS, input: input.checked(settings, mistakes)?, hold: Duration::ZERO }))
}
