//! `motor`: a motor on two lines, of which never both are active.
//!
//! Both lines change in one request, and every change of direction passes through off: the line of the other
//! direction becomes active only when `dead_time` has passed since the lines were told to be off and read so.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::actions::{self, READ};
use super::bridge::Drive;
use super::opposed::{Motion, Opposed, Pair};
use super::pwm_source::{PwmSource, Source, Wire};
use super::safety::{Policies, RestPolicy, Safeguards, SafetySettings};
use crate::control::{Activity, Bench, Blueprint, Device, Guards, Kind, Observation, Occasion, Ticked};
use crate::domain::{
    ActionSpec, Arguments, Code, LineAddress, LineRef, Mistakes, ParameterSpec, Polarity, PwmAddress,
    Refusal, Settings, Span, Wired,
};
use crate::hardware::HardwareError;

pub(super) static KIND: Kind = Kind {
    name: "motor",
    summary: "a motor with a line for each direction",
    example: r#""forward": "GPIO5",      // the line that drives it forward
"backward": "GPIO6",     // the line that drives it backward, on the same chip
"enable": null,          // a line or a PWM channel ({"chip": "fe20c000.pwm", "channel": 0}) that gives it a speed
"frequency": null,       // of enable in Hz: 10 to 1000 on a line, 1 to 100000 of a channel; null means 100 or 20000
"chip": null,            // their chip by path, name or label; null for hardware.chip, or to find them by name
"active_low": false,     // true when low levels drive it; enable is high-active always
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
    ActionSpec { name: "forward", summary: "drives it forward", parameters: &[SPEED] },
    ActionSpec { name: "backward", summary: "drives it backward", parameters: &[SPEED] },
    ActionSpec { name: "stop", summary: "stops it", parameters: &[] },
    ActionSpec { name: "off", summary: "stops it, as stop does", parameters: &[] },
    ActionSpec {
        name: "reverse",
        summary: "drives it in the other direction with the same speed; a stopped motor stays stopped",
        parameters: &[],
    },
    ActionSpec {
        name: "set",
        summary: "drives it forward with 1, backward with -1, and stops it with 0",
        parameters: &[ParameterSpec {
            name: "value",
            summary: "-1 to 1 with a speed (enable), else -1, 0 or 1",
        }],
    },
    READ,
];

const SPEED: ParameterSpec = ParameterSpec {
    name: "speed",
    summary: "0 (stopped) to 1 (full); between them only with a speed (enable); default 1",
};

/// In Hz: what a thread can do, and what most bridges can and nobody hears.
const FREQUENCY: f64 = 100.0;
const CHANNEL_FREQUENCY: f64 = 20_000.0;

const DEAD_TIME: Span = Span::from_millis(100);
const LONGEST_DEAD_TIME: Span = Span::from_millis(60_000);

#[derive(Deserialize)]
struct MotorSettings {
    forward: LineRef,
    backward: LineRef,
    enable: Option<Wire>,
    frequency: Option<f64>,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    dead_time: Option<Span>,
}

struct Plan {
    forward: LineAddress,
    backward: LineAddress,
    enable: Option<PwmSource>,
    polarity: Polarity,
    dead_time: Duration,
    safeguards: Safeguards<RestPolicy>,
}

struct Motor {
    lines: Opposed,
    speeds: Speeds,
    policies: Policies<RestPolicy>,
}

/// Which speeds a motor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speeds {
    /// Full and none.
    OnOff,
    /// All, by its enable PWM.
    All,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, safety) = settings.read_both::<MotorSettings, SafetySettings<RestPolicy>>(mistakes)?;
    let dead_time = given.dead_time.unwrap_or(DEAD_TIME);
    if dead_time > LONGEST_DEAD_TIME {
        settings.mistake("dead_time", format!("dead_time is at most {LONGEST_DEAD_TIME}"), mistakes);
        return None;
    }
    let enable = match given.enable {
        None if given.frequency.is_some() => {
            settings.mistake("frequency", "only a motor with a speed (enable) has a frequency", mistakes);
            return None;
        }
        None => None,
        Some(wire) => {
            let source = Source::of_wire(wire, given.chip.as_ref());
            let usual = if matches!(source, Source::Line(_)) { FREQUENCY } else { CHANNEL_FREQUENCY };
            let period = source.period(given.frequency.unwrap_or(usual), settings, mistakes)?;
            Some(PwmSource { role: "enable", source, polarity: Polarity::ActiveHigh, period })
        }
    };
    let on_line = enable.as_ref().is_some_and(|enable| matches!(enable.source, Source::Line(_)));
    if on_line && safety.on_stop == RestPolicy::Hold {
        let message = "on_stop is off, because the PWM of a line ends with the daemon";
        settings.mistake("on_stop", message, mistakes);
        return None;
    }
    Some(Box::new(Plan {
        forward: LineAddress { chip: given.chip.clone(), line: given.forward },
        backward: LineAddress { chip: given.chip, line: given.backward },
        enable,
        polarity: Polarity::from_active_low(given.active_low),
        dead_time: dead_time.0,
        safeguards: safety.checked(settings, mistakes)?,
    }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        let lines = [("forward", self.forward.clone()), ("backward", self.backward.clone())];
        lines.into_iter().chain(self.enable.iter().filter_map(PwmSource::line)).collect()
    }

    fn channels(&self) -> Vec<(&'static str, PwmAddress)> {
        self.enable.iter().filter_map(PwmSource::channel).collect()
    }
}

impl Blueprint for Plan {
    fn guards(&self) -> Guards {
        self.safeguards.told()
    }

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        let lines: Pair = [
            ("forward", self.forward.clone(), self.polarity),
            ("backward", self.backward.clone(), self.polarity),
        ];
        Ok(Box::new(Motor {
            lines: Opposed::open(&lines, self.enable.as_ref(), self.dead_time, bench)?,
            speeds: if self.enable.is_some() { Speeds::All } else { Speeds::OnOff },
            policies: self.safeguards.policies,
        }))
    }
}

/// What a motor is told to do.
impl Motion {
    /// Of a number from -1 (full speed backward) to 1 (full speed forward).
    fn of_value(value: f64) -> Motion {
        let drive = match value {
            0.0 => Drive::Stopped,
            _ if value < 0.0 => Drive::Backward,
            _ => Drive::Forward,
        };
        Motion { drive, speed: value.abs() }
    }

    /// Of the argument of a `set`.
    fn of_set(arguments: &Arguments, speeds: Speeds) -> Result<Motion, Refusal> {
        let mut argument = arguments.take();
        argument.required("value")?;
        let mut argument = arguments.take();
        let value = argument.number("value", -1.0, 1.0)?;
        argument.finish()?;
        speeds.check("value is -1, 0 or 1", value.unwrap_or(0.0)).map(Motion::of_value)
    }

    /// In this direction, with the speed of the argument, if there is one.
    fn towards(drive: Drive, arguments: &Arguments, speeds: Speeds) -> Result<Motion, Refusal> {
        let mut argument = arguments.take();
        let speed = argument.number("speed", 0.0, 1.0)?;
        argument.finish()?;
        let speed = speeds.check("speed is 0 or 1", speed.unwrap_or(1.0))?;
        Ok(if speed == 0.0 { Motion::STOPPED } else { Motion { drive, speed } })
    }
}

impl Speeds {
    /// The speed, if there is such a one; `range` says which there are where there is no PWM.
    fn check(self, range: &str, speed: f64) -> Result<f64, Refusal> {
        if self == Speeds::OnOff && speed.fract() != 0.0 {
            return Err(Refusal::new(Code::BadValue, format!("this motor has no speed: {range}")));
        }
        Ok(speed)
    }
}

impl Motor {
    /// What it does, or is about to do.
    fn motion(&self) -> Motion {
        match (self.lines.next(), self.lines.drive()) {
            (Some(next), _) => next,
            (None, Ok(drive)) => Motion { drive, speed: self.lines.speed() },
            (None, Err(_)) => Motion::STOPPED,
        }
    }
}

impl Device for Motor {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let wanted = match verb {
            "set" => Motion::of_set(arguments, self.speeds)?,
            "read" => {
                arguments.none()?;
                return Ok(self.lines.read()?);
            }
            "forward" => Motion::towards(Drive::Forward, arguments, self.speeds)?,
            "backward" => Motion::towards(Drive::Backward, arguments, self.speeds)?,
            "stop" | "off" => arguments.none().map(|()| Motion::STOPPED)?,
            "reverse" => arguments.none().map(|()| self.motion().opposite())?,
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        };
        Ok(self.lines.go(wanted, now)?)
    }

    fn check_set(&self, arguments: &Arguments, _range: (f64, f64)) -> Result<(), Refusal> {
        Motion::of_set(arguments, self.speeds).map(drop)
    }

    fn deadline(&self) -> Option<Instant> {
        self.lines.deadline()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        match self.lines.tick(now) {
            Ok(false) => Ticked::Quiet,
            Ok(true) | Err(_) => Ticked::Changed,
        }
    }

    fn activity(&self) -> Activity {
        let is_off = self.lines.drive() == Ok(Drive::Stopped) && self.lines.next().is_none();
        if is_off { Activity::Idle } else { Activity::Active }
    }

    fn observe(&self) -> Observation {
        let event = match (self.lines.drive(), self.lines.next()) {
            (Err(_), _) => "fault",
            (Ok(_), Some(_)) => "reversing",
            (Ok(Drive::Stopped), None) => "stopped",
            (Ok(Drive::Forward), None) => "forward",
            (Ok(Drive::Backward), None) => "backward",
        };
        let value = self.lines.drive().map(|drive| match drive {
            Drive::Stopped => 0.0,
            Drive::Forward => self.lines.speed(),
            Drive::Backward => -self.lines.speed(),
        });
        Observation { event, value, edge: None, fields: Vec::new() }
    }

    fn secure(&mut self, occasion: Occasion, now: Instant) -> Result<(), HardwareError> {
        match self.policies.on(occasion) {
            RestPolicy::Off => self.lines.go(Motion::STOPPED, now),
            RestPolicy::Hold => {
                // A direction that is still to be taken is not something to be held.
                self.lines.forget_next();
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_direction_and_a_speed() {
        let set = |value: &str, speeds: Speeds| {
            let arguments = Arguments { positional: vec![value.into()], named: Vec::new() };
            Motion::of_set(&arguments, speeds).map_err(|refusal| refusal.code)
        };
        for (value, drive) in [("1", Drive::Forward), ("0", Drive::Stopped), ("-1.0", Drive::Backward)] {
            assert_eq!(set(value, Speeds::OnOff).map(|motion| motion.drive), Ok(drive), "{value}");
        }
        let slowly = Motion { drive: Drive::Backward, speed: 0.25 };
        assert_eq!(set("-0.25", Speeds::All), Ok(slowly));
        for (value, code) in [
            ("0.5", Code::BadValue),
            ("fast", Code::BadValue),
            ("2", Code::OutOfRange),
            ("-1.1", Code::OutOfRange),
        ] {
            assert_eq!(set(value, Speeds::OnOff), Err(code), "{value}");
        }
    }
}
