//! `pwm`: any load whose power follows a PWM.

use super::dimmer;
use super::duty_policy::DutyPolicy;
use crate::control::Kind;

pub(super) static KIND: Kind = Kind {
    name: "pwm",
    summary: "any load whose power is a value from 0 to 1",
    example: r#""line": "GPIO12",        // a name, or an offset on the chip
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"pwm": null,             // in place of line: a PWM channel of the kernel, {"chip": "fe20c000.pwm", "channel": 0}
"active_low": false,     // true when a low level switches it on
"frequency": 100,        // of the PWM in Hz: 10 to 1000 on a line, 1 to 100000 of a PWM channel
"require_lease": false,  // true: nobody writes it without a lease on it
"max_on": null,          // "10ms" to "24h": it goes off when it was on for so long, whoever forgot it; null: never
"on_stop": "off",        // off or on: what it does when the daemon ends; with pwm also hold or a value
"on_lease_lost": "off",  // hold, off, on or a value: what it does when a lease on it is lost
"on_link_lost": "off",   // the same for when the connection that wrote it last has ended"#,
    actions: dimmer::ACTIONS,
    simulated_actions: &[],
    unit: None,
    range: (0.0, 1.0),
    read: |settings, mistakes| dimmer::read("pwm", DutyPolicy::OFF, settings, mistakes),
};
