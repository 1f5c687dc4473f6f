//! `led`: a light that is on or off.

use super::output_line::Policy;
use super::switch;
use crate::control::Kind;

pub(super) static KIND: Kind = Kind {
    name: "led",
    summary: "a light that is on or off",
    example: r#""line": "GPIO17",        // a name, or an offset on the chip
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"active_low": false,     // true when a low level switches it on
"initial": "off",        // off, on, or keep: what it is at start; keep leaves a driven line without a glitch
"require_lease": false,  // true: nobody writes it without a lease on it
"max_on": null,          // "10ms" to "24h": it goes off when it was on for so long, whoever forgot it; null: never
"on_stop": "hold",       // hold, off or on: what it does when the daemon ends
"on_lease_lost": "hold", // hold, off or on: what it does when a lease on it is lost
"on_link_lost": "hold",  // hold, off or on: what it does when the connection that wrote it last has ended
"follow": null,          // a device whose value it takes when that changes, such as "button"; every output has this"#,
    actions: switch::ACTIONS,
    simulated_actions: &[],
    unit: None,
    range: (0.0, 1.0),
    read: |settings, mistakes| switch::read("led", Policy::Hold, settings, mistakes),
};
