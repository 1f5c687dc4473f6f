//! `cover`: a shutter, blind or gate that opens and closes, and whose position is known from time and end stops.

use std::time::Duration;

use serde::Deserialize;

use super::actions::READ;
use super::cover_drive::Cover;
use super::debounce::InputPlan;
use super::opposed::Pair;
use super::safety::{self, Policies, Safeguards};
use super::travel::Times;
use crate::control::{Bench, Blueprint, Device, Guards, Kind};
use crate::domain::{
    ActionSpec, Bias, Datum, LineAddress, LineRef, Mistakes, ParameterSpec, Polarity, Settings, Span, Wired,
};
use crate::hardware::HardwareError;

pub(super) static KIND: Kind = Kind {
    name: "cover",
    summary: "a shutter, blind or gate that opens and closes",
    example: r#""up": "GPIO14",          // the line that opens it
"down": "GPIO15",        // the line that closes it, on the same chip; never both are active
"chip": null,            // their chip by path, name or label; null for hardware.chip, or to find them by name
"active_low": true,      // true when low levels drive it, as on most relay boards
"open_time": "25s",      // how long it takes to open, 100ms to 10min
"close_time": "23s",     // how long it takes to close, 100ms to 10min
"overrun": "1s",         // how much longer it runs to come to an end for sure, at most 1min
"dead_time": "500ms",    // how long it stays off between the directions, at most 1min
"open_end": null,        // the line of a switch that is active where it is open, or null
"closed_end": null,      // the line of a switch that is active where it is closed, or null
"obstruction": null,     // the line of a sensor that is active while something is in the way, or null
"inputs_active_low": true, // true when a low level on these three means active
"inputs_bias": "pull-up",  // as-is, disabled, pull-up or pull-down: what holds these three
"require_lease": false,  // true: nobody writes it without a lease on it
"max_on": null,          // it stops when it has run for so long, at least a whole way, at most 24h; null: never
"on_lease_lost": "off",  // off (stopped) or hold (it goes on to where it was sent): when a lease on it is lost
"on_link_lost": "off",   // off (stopped) or hold: when the connection that wrote it last has ended"#,
    actions: ACTIONS,
    simulated_actions: SIMULATED,
    unit: Some("%"),
    range: (0.0, 100.0),
    read,
};

pub(super) const ACTIONS: &[ActionSpec] = &[
    ActionSpec { name: "open", summary: "opens it", parameters: &[] },
    ActionSpec { name: "close", summary: "closes it", parameters: &[] },
    ActionSpec { name: "stop", summary: "stops it", parameters: &[] },
    ActionSpec { name: "off", summary: "stops it, as stop does", parameters: &[] },
    ActionSpec {
        name: "set",
        summary: "moves it to a position",
        parameters: &[ParameterSpec { name: "value", summary: "0 (closed) to 100 (open)" }],
    },
    READ,
];

const SIMULATED: &[ActionSpec] = &[
    ActionSpec {
        name: "obstruct",
        summary: "puts something in the way of the simulated cover",
        parameters: &[],
    },
    ActionSpec { name: "clear", summary: "takes it away again", parameters: &[] },
];

const TRAVEL: (Span, Span) = (Span::from_millis(100), Span::from_millis(600_000));
const OVERRUN: Span = Span::from_millis(1000);
const DEAD_TIME: Span = Span::from_millis(500);
const LONGEST: Span = Span::from_millis(60_000);

#[derive(Deserialize)]
struct CoverSettings {
    up: LineRef,
    down: LineRef,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    open_time: Span,
    close_time: Span,
    overrun: Option<Span>,
    dead_time: Option<Span>,
    open_end: Option<LineRef>,
    closed_end: Option<LineRef>,
    obstruction: Option<LineRef>,
    #[serde(default)]
    inputs_active_low: bool,
    #[serde(default)]
    inputs_bias: Bias,
    #[serde(default)]
    require_lease: bool,
    max_on: Option<Span>,
    #[serde(default)]
    on_lease_lost: Policy,
    #[serde(default)]
    on_link_lost: Policy,
}

/// What a cover does when it is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Policy {
    /// It stops.
    #[default]
    Off,
    /// It goes on to where it was sent.
    Hold,
}

/// A cover as it is configured.
pub(super) struct Plan {
    pub(super) lines: Pair,
    pub(super) dead_time: Duration,
    pub(super) times: Times,
    pub(super) open_end: Option<InputPlan>,
    pub(super) closed_end: Option<InputPlan>,
    pub(super) obstruction: Option<InputPlan>,
    pub(super) safeguards: Safeguards<Policy>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let given: CoverSettings = settings.read(mistakes)?;
    let before = mistakes.found.len();
    let (least, most) = TRAVEL;
    for (key, time) in [("open_time", given.open_time), ("close_time", given.close_time)] {
        if time < least || time > most {
            settings.mistake(key, format!("{key} is from {least} to {most}"), mistakes);
        }
    }
    let (overrun, dead_time) = (given.overrun.unwrap_or(OVERRUN), given.dead_time.unwrap_or(DEAD_TIME));
    for (key, time) in [("overrun", overrun), ("dead_time", dead_time)] {
        if time > LONGEST {
            settings.mistake(key, format!("{key} is at most {LONGEST}"), mistakes);
        }
    }
    let whole_way = Span(given.open_time.max(given.close_time).0 + overrun.0 + dead_time.0);
    if given.max_on.is_some_and(|max_on| max_on < whole_way) {
        let message =
            format!("max_on is at least {whole_way}, which a whole way takes with overrun and dead_time");
        settings.mistake("max_on", message, mistakes);
    }
    if mistakes.found.len() > before {
        return None;
    }
    let protection = safety::protection(given.require_lease, given.max_on, settings, mistakes)?;
    let address = |line| LineAddress { chip: given.chip.clone(), line };
    let polarity = Polarity::from_active_low(given.active_low);
    let input = |role, line: Option<LineRef>| {
        line.map(|line| InputPlan {
            role,
            address: address(line),
            polarity: Polarity::from_active_low(given.inputs_active_low),
            bias: given.inputs_bias,
            // What stops it does so at once.
            debounce: Span::from_millis(0),
        })
    };
    Some(Box::new(Plan {
        lines: [("up", address(given.up), polarity), ("down", address(given.down), polarity)],
        dead_time: dead_time.0,
        times: Times { opening: given.open_time.0, closing: given.close_time.0, overrun: overrun.0 },
        open_end: input("open_end", given.open_end),
        closed_end: input("closed_end", given.closed_end),
        obstruction: input("obstruction", given.obstruction),
        // Nobody would stop it at its end when the daemon has ended.
        safeguards: Safeguards {
            protection,
            policies: Policies {
                on_stop: Policy::Off,
                on_lease_lost: given.on_lease_lost,
                on_link_lost: given.on_link_lost,
            },
        },
    }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        let outputs = self.lines.iter().map(|(role, address, _)| (*role, address.clone()));
        let inputs = [&self.open_end, &self.closed_end, &self.obstruction];
        outputs.chain(inputs.into_iter().flatten().flat_map(InputPlan::lines)).collect()
    }

    fn states(&self) -> Option<&'static [&'static str]> {
        Some(&["opening", "closing", "open", "closed", "stopped", "reversing", "obstructed"])
    }
}

impl Blueprint for Plan {
    fn guards(&self) -> Guards {
        self.safeguards.told()
    }

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        Ok(Box::new(Cover::build(self, bench)?))
    }
}

impl From<Policy> for Datum {
    fn from(policy: Policy) -> Datum {
        Datum::from(match policy {
            Policy::Off => "off",
            Policy::Hold => "hold",
        })
    }
}
