//! `input`: any signal on one line.

use super::signal::{self, Words};
use crate::control::Kind;

pub(super) static KIND: Kind = Kind {
    name: WORDS.kind,
    summary: "any signal on one line",
    example: r#""line": "GPIO24",        // a name, or an offset on the chip
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"active_low": false,     // true when a low level means active
"bias": "pull-down",     // as-is, disabled, pull-up or pull-down: what holds the line while nothing drives it
"debounce": "0s",        // how long a level has to stay before it counts, at most 1min"#,
    actions: signal::ACTIONS,
    simulated_actions: signal::SIMULATED,
    unit: None,
    range: (0.0, 1.0),
    read: |settings, mistakes| signal::read(&WORDS, settings, mistakes),
};

const WORDS: Words = Words { kind: "input", states: ["inactive", "active"] };
