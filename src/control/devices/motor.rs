//! `motor`: a motor on two lines, of which never both are active.
//!
//! Both lines change in one request, and every change of direction passes through off: the line of the other
//! direction becomes active only when `dead_time` has passed since the lines were told to be off and read so.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::actions::{self, READ};
use super::bridge::{Bridge, Drive};
use super::safety::{self, Policies, RestPolicy};
use crate::control::{Activity, Bench, Blueprint, Device, Kind, Observation, Occasion, Protection, Ticked};
use crate::domain::{
    ActionSpec, Arguments, Code, Datum, LineAddress, LineRef, Mistakes, ParameterSpec, Polarity, Refusal,
    Settings, Span, Wired,
};
use crate::hardware::HardwareError;

pub(super) static KIND: Kind = Kind {
    name: "motor",
    summary: "a motor with a line for each direction",
    example: r#""forward": "GPIO5",      // the line that drives it forward
"backward": "GPIO6",     // the line that drives it backward, on the same chip
"chip": null,            // their chip by path, name or label; null for hardware.chip, or to find them by name
"active_low": false,     // true when low levels drive it
"dead_time": "100ms",    // how long it stays off between the directions, at most 1min
"require_lease": false,  // true: nobody writes it without a lease on it
"max_on": null,          // "10ms" to "24h": it goes off when it was on for so long, whoever forgot it; null: never
"on_stop": "off",        // off (stopped) or hold: what it does when the daemon ends
"on_lease_lost": "off",  // off (stopped) or hold: what it does when a lease on it is lost
"on_link_lost": "off",   // off (stopped) or hold: what it does when the connection that wrote it last has ended"#,
    actions: ACTIONS,
    simulated_actions: &[],
    unit: None,
    range: (-1.0, 1.0),
    read,
};

const ACTIONS: &[ActionSpec] = &[
    ActionSpec { name: "forward", summary: "drives it forward", parameters: &[] },
    ActionSpec { name: "backward", summary: "drives it backward", parameters: &[] },
    ActionSpec { name: "stop", summary: "stops it", parameters: &[] },
    ActionSpec { name: "off", summary: "stops it, as stop does", parameters: &[] },
    ActionSpec {
        name: "reverse",
        summary: "drives it in the other direction; a stopped motor stays stopped",
        parameters: &[],
    },
    ActionSpec {
        name: "set",
        summary: "drives it forward with 1, backward with -1, and stops it with 0",
        parameters: &[ParameterSpec { name: "value", summary: "-1, 0 or 1" }],
    },
    READ,
];

const DEAD_TIME: Span = Span::from_millis(100);
const LONGEST_DEAD_TIME: Span = Span::from_millis(60_000);

#[derive(Deserialize)]
struct MotorSettings {
    forward: LineRef,
    backward: LineRef,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    #[serde(default)]
    require_lease: bool,
    max_on: Option<Span>,
    dead_time: Option<Span>,
    #[serde(default)]
    on_stop: RestPolicy,
    #[serde(default)]
    on_lease_lost: RestPolicy,
    #[serde(default)]
    on_link_lost: RestPolicy,
}

struct Plan {
    forward: LineAddress,
    backward: LineAddress,
    polarity: Polarity,
    protection: Protection,
    dead_time: Duration,
    policies: Policies<RestPolicy>,
}

struct Motor {
    bridge: Bridge,
    dead_time: Duration,
    policies: Policies<RestPolicy>,
    /// The direction it last had, and when it was off again; nothing when it never had one, and no direction when
    /// nobody knows which.
    rested: Option<(Option<Drive>, Instant)>,
    /// What it will do, and when.
    next: Option<(Drive, Instant)>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let given: MotorSettings = settings.read(mistakes)?;
    let dead_time = given.dead_time.unwrap_or(DEAD_TIME);
    if dead_time > LONGEST_DEAD_TIME {
        settings.mistake("dead_time", format!("dead_time is at most {LONGEST_DEAD_TIME}"), mistakes);
        return None;
    }
    let protection = safety::protection(given.require_lease, given.max_on, settings, mistakes)?;
    Some(Box::new(Plan {
        forward: LineAddress { chip: given.chip.clone(), line: given.forward },
        backward: LineAddress { chip: given.chip, line: given.backward },
        polarity: Polarity::from_active_low(given.active_low),
        protection,
        dead_time: dead_time.0,
        policies: Policies {
            on_stop: given.on_stop,
            on_lease_lost: given.on_lease_lost,
            on_link_lost: given.on_link_lost,
        },
    }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        vec![("forward", self.forward.clone()), ("backward", self.backward.clone())]
    }
}

impl Blueprint for Plan {
    fn safety(&self) -> Vec<(&'static str, Datum)> {
        self.policies.told()
    }

    fn protection(&self) -> Protection {
        self.protection
    }

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        Ok(Box::new(Motor {
            bridge: Bridge::open(bench, &self.forward, &self.backward, self.polarity)?,
            dead_time: self.dead_time,
            policies: self.policies,
            rested: None,
            next: None,
        }))
    }
}

impl Motor {
    /// Goes to `wanted`: at once where that is safe, else through off and after the dead time.
    fn drive(&mut self, wanted: Drive, now: Instant) -> Result<(), HardwareError> {
        self.next = None;
        if wanted != Drive::Stopped && self.bridge.drive() == Ok(wanted) {
            return Ok(());
        }
        // After a fault nobody knows what it did: then it rests, whichever way it is to run.
        let before = self.bridge.drive().ok();
        self.bridge.set(Drive::Stopped)?;
        if before != Some(Drive::Stopped) {
            self.rested = Some((before, now));
        }
        if wanted == Drive::Stopped {
            return Ok(());
        }
        match self.rested {
            Some((last, since)) if last != Some(wanted) && now < since + self.dead_time => {
                self.next = Some((wanted, since + self.dead_time));
                Ok(())
            }
            _ => self.bridge.set(wanted),
        }
    }

    fn value(arguments: &Arguments) -> Result<Drive, Refusal> {
        let mut argument = arguments.take();
        argument.required("value")?;
        let mut argument = arguments.take();
        let value = argument.number("value", -1.0, 1.0)?;
        argument.finish()?;
        match value {
            Some(1.0) => Ok(Drive::Forward),
            Some(-1.0) => Ok(Drive::Backward),
            Some(0.0) => Ok(Drive::Stopped),
            _ => Err(Refusal::new(Code::BadValue, "this motor has no speed: value is -1, 0 or 1")),
        }
    }
}

impl Device for Motor {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let wanted = match verb {
            "set" => Motor::value(arguments)?,
            "read" => {
                arguments.none()?;
                self.bridge.read()?;
                return Ok(());
            }
            "forward" => Drive::Forward,
            "backward" => Drive::Backward,
            "stop" | "off" => Drive::Stopped,
            "reverse" => match self.next {
                Some((next, _)) => next.opposite(),
                None => self.bridge.drive().unwrap_or(Drive::Stopped).opposite(),
            },
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        };
        if verb != "set" {
            arguments.none()?;
        }
        Ok(self.drive(wanted, now)?)
    }

    fn deadline(&self) -> Option<Instant> {
        self.next.map(|(_, due)| due)
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        if let Some((drive, _)) = self.next.take_if(|(_, due)| *due <= now) {
            if let Err(error) = self.bridge.set(drive) {
                self.bridge.fail(&error);
            }
        }
        Ticked::Changed
    }

    fn activity(&self) -> Activity {
        let is_off = self.bridge.drive() == Ok(Drive::Stopped) && self.next.is_none();
        if is_off { Activity::Idle } else { Activity::Active }
    }

    fn observe(&self) -> Observation {
        let event = match (self.bridge.drive(), self.next) {
            (Err(_), _) => "fault",
            (Ok(_), Some(_)) => "reversing",
            (Ok(Drive::Stopped), None) => "stopped",
            (Ok(Drive::Forward), None) => "forward",
            (Ok(Drive::Backward), None) => "backward",
        };
        let value = self.bridge.drive().map(|drive| match drive {
            Drive::Stopped => 0.0,
            Drive::Forward => 1.0,
            Drive::Backward => -1.0,
        });
        Observation { event, value, edge: None, fields: Vec::new() }
    }

    fn secure(&mut self, occasion: Occasion, now: Instant) -> Result<(), HardwareError> {
        match self.policies.on(occasion) {
            RestPolicy::Off => self.drive(Drive::Stopped, now),
            RestPolicy::Hold => {
                // A direction that is still to be taken is not something to be held.
                self.next = None;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_direction() {
        let set = |value: &str| {
            let arguments = Arguments { positional: vec![value.into()], named: Vec::new() };
            Motor::value(&arguments).map_err(|refusal| refusal.code)
        };
        assert_eq!(set("1"), Ok(Drive::Forward));
        assert_eq!(set("0"), Ok(Drive::Stopped));
        assert_eq!(set("-1.0"), Ok(Drive::Backward));
        for (value, code) in [
            ("0.5", Code::BadValue),
            ("fast", Code::BadValue),
            ("2", Code::OutOfRange),
            ("-1.1", Code::OutOfRange),
        ] {
            assert_eq!(set(value), Err(code), "{value}");
        }
    }
}
