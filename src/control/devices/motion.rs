//! `motion`: a sensor that sees that somebody moves.

use serde::Deserialize;

use super::debounce::InputSettings;
use super::signal::{self, Plan, Words};
use crate::control::{Blueprint, Kind};
use crate::domain::{Mistakes, Settings, Span};

pub(super) static KIND: Kind = Kind {
    name: WORDS.kind,
    summary: "a sensor that sees that somebody moves",
    example: r#""line": "GPIO25",        // the sensor's output: a name, or an offset on the chip
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"active_low": false,     // true when a low level means motion
"bias": "pull-down",     // as-is, disabled, pull-up or pull-down: what holds the line while nothing drives it
"debounce": "0s",        // how long a level has to stay before it counts, at most 1min
"hold": "10s",           // how long it goes on telling motion after the sensor's last, at most 1h; 0s: not longer"#,
    actions: signal::ACTIONS,
    simulated_actions: signal::SIMULATED,
    unit: None,
    range: (0.0, 1.0),
    read,
};

const WORDS: Words = Words { kind: "motion", states: ["no_motion", "motion"] };

const LONGEST_HOLD: Span = Span::from_millis(3_600_000);

#[derive(Deserialize)]
struct MotionSettings {
    hold: Option<Span>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (input, given) = settings.read_both::<InputSettings, MotionSettings>(mistakes)?;
    let hold = given.hold.unwrap_or(Span::from_millis(0));
    if hold > LONGEST_HOLD {
        settings.mistake("hold", format!("hold is at most {LONGEST_HOLD}"), mistakes);
        return None;
    }
    let input = input.plan(signal::DEBOUNCE, settings, mistakes)?;
    Some(Box::new(Plan { words: &WORDS, input, hold: hold.0 }))
}
