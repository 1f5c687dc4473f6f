//! `servo`: a hobby servo, whose position is the length of a pulse in every frame of 20 ms.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::actions::{self, READ};
use super::duty_policy::DutyPolicy;
use super::pwm_output::PwmOutput;
use super::pwm_source::{PwmSource, Source};
use super::safety::{Policies, RestPolicy, Safeguards, SafetySettings};
use crate::control::{Activity, Bench, Blueprint, Device, Guards, Kind, Observation, Occasion, Ticked};
use crate::domain::{
    Action, ActionSpec, Arguments, Datum, LineAddress, LineRef, Mistakes, ParameterSpec, Polarity,
    PwmAddress, Refusal, Settings, Span, Wired,
};
use crate::hardware::HardwareError;

pub(super) static KIND: Kind = Kind {
    name: "servo",
    summary: "a servo with a position from -1 to 1",
    example: r#""line": "GPIO19",        // a name, or an offset on the chip; software pulses there make a servo tremble
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"pwm": null,             // in place of line: a PWM channel of the kernel, {"chip": "fe20c000.pwm", "channel": 0}
"active_low": false,     // true when its pulses are low
"min_pulse_width": "1ms", // 300us to 3ms: the pulse for -1
"max_pulse_width": "2ms", // 300us to 3ms, and longer than that: the pulse for 1
"min_angle": -90,        // -360 to 360: the angle at -1 in degrees
"max_angle": 90,         // -360 to 360, and another one: the angle at 1
"require_lease": false,  // true: nobody writes it without a lease on it
"max_on": null,          // "10ms" to "24h": it is detached when it was held for so long, whoever forgot it; null: never
"on_stop": "off",        // off (detached), or with pwm also hold: what it does when the daemon ends
"on_lease_lost": "off",  // off (detached) or hold: what it does when a lease on it is lost
"on_link_lost": "off",   // off (detached) or hold: what it does when the connection that wrote it last has ended"#,
    actions: ACTIONS,
    simulated_actions: &[],
    unit: None,
    range: (-1.0, 1.0),
    read,
};

const ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "set",
        summary: "moves it to a position",
        parameters: &[ParameterSpec { name: "value", summary: "-1 (shortest pulse) to 1 (longest pulse)" }],
    },
    ActionSpec {
        name: "angle",
        summary: "moves it to an angle",
        parameters: &[ParameterSpec {
            name: "angle",
            summary: "degrees, from its min_angle to its max_angle",
        }],
    },
    ActionSpec { name: "min", summary: "moves it to -1", parameters: &[] },
    ActionSpec { name: "mid", summary: "moves it to 0", parameters: &[] },
    ActionSpec { name: "max", summary: "moves it to 1", parameters: &[] },
    ActionSpec { name: "detach", summary: "gives no more pulses, so that nothing holds it", parameters: &[] },
    ActionSpec { name: "off", summary: "detaches it, as detach does", parameters: &[] },
    READ,
];

const FRAME: Duration = Duration::from_millis(20);
const PULSES: (Span, Span) = (Span(Duration::from_micros(300)), Span::from_millis(3));
const ANGLES: std::ops::RangeInclusive<f64> = -360.0..=360.0;

#[derive(Deserialize)]
struct ServoSettings {
    line: Option<LineRef>,
    chip: Option<String>,
    pwm: Option<PwmAddress>,
    #[serde(default)]
    active_low: bool,
    min_pulse_width: Option<Span>,
    max_pulse_width: Option<Span>,
    min_angle: Option<f64>,
    max_angle: Option<f64>,
}

struct Plan {
    pwm: PwmSource,
    travel: Travel,
    safeguards: Safeguards<RestPolicy>,
}

/// What its ends are: the first is at -1, the second at 1.
#[derive(Debug, Clone, Copy)]
struct Travel {
    pulses: (Duration, Duration),
    angles: (f64, f64),
}

struct Servo {
    pwm: PwmOutput,
    travel: Travel,
    policies: Policies<RestPolicy>,
    /// Where it was sent last, -1 to 1.
    position: f64,
    fault: Option<Arc<str>>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, safety) = settings.read_both::<ServoSettings, SafetySettings<RestPolicy>>(mistakes)?;
    let travel = Travel {
        pulses: (
            given.min_pulse_width.unwrap_or(Span::from_millis(1)).0,
            given.max_pulse_width.unwrap_or(Span::from_millis(2)).0,
        ),
        angles: (given.min_angle.unwrap_or(-90.0), given.max_angle.unwrap_or(90.0)),
    };
    travel.check(settings, mistakes)?;
    let source = Source::read(given.line, given.chip, given.pwm, settings, mistakes)?;
    if matches!(source, Source::Line(_)) && safety.on_stop == RestPolicy::Hold {
        let message = "on_stop is off, because the PWM of a line ends with the daemon";
        settings.mistake("on_stop", message, mistakes);
        return None;
    }
    let polarity = Polarity::from_active_low(given.active_low);
    Some(Box::new(Plan {
        pwm: PwmSource { role: "line", source, polarity, period: FRAME },
        travel,
        safeguards: safety.checked(settings, mistakes)?,
    }))
}

impl Travel {
    fn check(&self, settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<()> {
        let (least, most) = PULSES;
        let is_pulse = |pulse| (least..=most).contains(&Span(pulse));
        let ((shortest, longest), (first, last)) = (self.pulses, self.angles);
        let (key, message) = if !is_pulse(shortest) {
            ("min_pulse_width", format!("min_pulse_width is from {least} to {most}"))
        } else if !is_pulse(longest) || longest <= shortest {
            ("max_pulse_width", format!("max_pulse_width is longer than min_pulse_width, and at most {most}"))
        } else if !ANGLES.contains(&first) {
            ("min_angle", "min_angle is from -360 to 360 (degrees)".to_owned())
        } else if !ANGLES.contains(&last) || first == last {
            (
                "max_angle",
                "max_angle is from -360 to 360 (degrees), and another one than min_angle".to_owned(),
            )
        } else {
            return Some(());
        };
        settings.mistake(key, message, mistakes);
        None
    }

    /// For which part of a frame there is a pulse when it is at `position`.
    fn duty(&self, position: f64) -> f64 {
        let (shortest, longest) = self.pulses;
        let pulse = shortest + (longest - shortest).mul_f64((position.clamp(-1.0, 1.0) + 1.0) / 2.0);
        pulse.as_secs_f64() / FRAME.as_secs_f64()
    }

    fn angle(&self, position: f64) -> f64 {
        let (first, last) = self.angles;
        first + (last - first) * (position + 1.0) / 2.0
    }

    /// The position of an argument that is an angle.
    fn position(&self, arguments: &Arguments) -> Result<f64, Refusal> {
        let (first, last) = self.angles;
        let angle = required(arguments, "angle", first.min(last), first.max(last))?;
        Ok((angle - first) / (last - first) * 2.0 - 1.0)
    }
}

/// The only argument, a number that has to be there.
fn required(arguments: &Arguments, name: &'static str, low: f64, high: f64) -> Result<f64, Refusal> {
    let mut argument = arguments.take();
    let number = argument.number(name, low, high)?;
    argument.finish()?;
    match number {
        Some(number) => Ok(number),
        None => arguments.take().required(name).map(|_| 0.0),
    }
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        self.pwm.line().into_iter().collect()
    }

    fn channels(&self) -> Vec<(&'static str, PwmAddress)> {
        self.pwm.channel().into_iter().collect()
    }
}

impl Blueprint for Plan {
    fn guards(&self) -> Guards {
        self.safeguards.told()
    }

    fn values(&self) -> Vec<(&'static str, &'static str)> {
        vec![("angle", "°")]
    }

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        let (pwm, travel) = (self.pwm.open(bench, DutyPolicy::OFF)?, self.travel);
        let policies = self.safeguards.policies;
        Ok(Box::new(Servo { pwm, travel, policies, position: 0.0, fault: None }))
    }
}

impl Servo {
    fn go(&mut self, position: f64, now: Instant) -> Result<(), HardwareError> {
        let result = self.pwm.set(self.travel.duty(position), now);
        self.position = position;
        self.note(result)
    }

    fn detach(&mut self, now: Instant) -> Result<(), HardwareError> {
        let result = self.pwm.set(0.0, now);
        self.note(result)
    }

    fn note(&mut self, result: Result<(), HardwareError>) -> Result<(), HardwareError> {
        self.fault = result.as_ref().err().map(|error| error.to_string().into());
        result
    }

    fn is_detached(&self) -> bool {
        self.fault.is_none() && self.pwm.duty() == 0.0
    }

    fn read(&mut self) -> Result<(), HardwareError> {
        let read = self.pwm.read().and_then(|()| match self.pwm.duty() {
            1.0 => Err(HardwareError::ReadBack("the line is active without an end".to_owned())),
            _ => Ok(()),
        });
        self.note(read)
    }
}

impl Device for Servo {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let position = match verb {
            "set" => required(arguments, "value", -1.0, 1.0)?,
            "angle" => self.travel.position(arguments)?,
            "min" => arguments.none().map(|()| -1.0)?,
            "mid" => arguments.none().map(|()| 0.0)?,
            "max" => arguments.none().map(|()| 1.0)?,
            "detach" | "off" => {
                arguments.none()?;
                return Ok(self.detach(now)?);
            }
            "read" => {
                arguments.none()?;
                return Ok(self.read()?);
            }
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        };
        Ok(self.go(position, now)?)
    }

    /// The position 0 is one that it is driven to.
    fn is_off(&self, action: &Action) -> bool {
        matches!(action.verb.as_str(), "detach" | "off" | "read")
    }

    fn deadline(&self) -> Option<Instant> {
        self.pwm.deadline()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        let ticked = self.pwm.tick(now);
        if ticked.is_ok() {
            return Ticked::Quiet;
        }
        // Its error is its state.
        let _ = self.note(ticked);
        Ticked::Changed
    }

    fn activity(&self) -> Activity {
        if self.is_detached() { Activity::Idle } else { Activity::Active }
    }

    fn observe(&self) -> Observation {
        let value = match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.position),
        };
        let (event, fields) = match &value {
            Err(_) => ("fault", Vec::new()),
            Ok(_) if self.is_detached() => ("detached", Vec::new()),
            Ok(position) => ("holding", vec![("angle", Datum::from(self.travel.angle(*position)))]),
        };
        Observation { event, value, edge: None, fields }
    }

    fn secure(&mut self, occasion: Occasion, now: Instant) -> Result<(), HardwareError> {
        match self.policies.on(occasion) {
            RestPolicy::Off => self.detach(now),
            RestPolicy::Hold => Ok(()),
        }
    }
}
