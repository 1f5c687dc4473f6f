//! `pwm_led`: a light with a brightness, by software PWM on one line.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::actions::{self, BLINK, OFF, ON, READ, TOGGLE};
use super::effect::{Effect, PULSE};
use super::output_line::{Initial, OutputLine};
use super::safety::{self, Policies};
use super::software_pwm::SoftwarePwm;
use crate::control::{Activity, Bench, Blueprint, Device, Kind, Observation, Occasion, Protection, Ticked};
use crate::domain::{
    ActionSpec, Arguments, Code, Datum, LineAddress, LineRef, Mistakes, ParameterSpec, Polarity, Refusal,
    Settings, Span, Value, Wired,
};
use crate::hardware::HardwareError;

pub(super) static KIND: Kind = Kind {
    name: "pwm_led",
    summary: "a light with a brightness from 0 to 1",
    example: r#""line": "GPIO18",        // a name, or an offset on the chip
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"active_low": false,     // true when a low level switches it on
"frequency": 100,        // of the PWM in Hz, 10 to 1000
"require_lease": false,  // true: nobody writes it without a lease on it
"max_on": null,          // "10ms" to "24h": it goes off when it was on for so long, whoever forgot it; null: never
"on_stop": "off",        // off or on: what it does when the daemon ends, for then the PWM ends too
"on_lease_lost": "hold", // hold, off, on or a brightness: what it does when a lease on it is lost
"on_link_lost": "hold",  // the same for when the connection that wrote it last has ended"#,
    actions: ACTIONS,
    simulated_actions: &[],
    unit: None,
    range: (0.0, 1.0),
    read,
};

const ACTIONS: &[ActionSpec] = &[
    ON,
    OFF,
    TOGGLE,
    ActionSpec {
        name: "set",
        summary: "sets the brightness",
        parameters: &[ParameterSpec {
            name: "value",
            summary: "0 (off) to 1 (full); ON and OFF are understood as well",
        }],
    },
    BLINK,
    PULSE,
    READ,
];

#[derive(Deserialize)]
struct PwmSettings {
    line: LineRef,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    #[serde(default)]
    require_lease: bool,
    max_on: Option<Span>,
    frequency: Option<f64>,
    #[serde(default)]
    on_stop: OnStop,
    #[serde(default)]
    on_lease_lost: Left,
    #[serde(default)]
    on_link_lost: Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OnStop {
    #[default]
    Off,
    On,
}

/// What a lamp does when it is left alone, as it is written.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "expected \"hold\", \"off\", \"on\", or a brightness from 0 to 1")]
enum Left {
    Word(Word),
    Brightness(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Hold,
    Off,
    On,
}

/// What a lamp does when it is left alone.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Policy {
    Hold,
    Shine(f64),
}

struct Plan {
    address: LineAddress,
    polarity: Polarity,
    protection: Protection,
    period: Duration,
    policies: Policies<Policy>,
}

struct PwmLed {
    pwm: SoftwarePwm,
    policies: Policies<Policy>,
    fault: Option<Arc<str>>,
    effect: Option<Effect>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let given: PwmSettings = settings.read(mistakes)?;
    let frequency = given.frequency.unwrap_or(100.0);
    if !(10.0..=1000.0).contains(&frequency) {
        settings.mistake("frequency", "frequency is from 10 to 1000 (Hz)", mistakes);
        return None;
    }
    for (key, left) in [("on_lease_lost", given.on_lease_lost), ("on_link_lost", given.on_link_lost)] {
        if matches!(left, Left::Brightness(value) if !(0.0..=1.0).contains(&value)) {
            settings.mistake(key, format!("{key} is hold, off, on, or a brightness from 0 to 1"), mistakes);
            return None;
        }
    }
    let protection = safety::protection(given.require_lease, given.max_on, settings, mistakes)?;
    Some(Box::new(Plan {
        address: LineAddress { chip: given.chip, line: given.line },
        polarity: Polarity::from_active_low(given.active_low),
        protection,
        period: Duration::from_secs_f64(1.0 / frequency),
        policies: Policies {
            on_stop: given.on_stop.into(),
            on_lease_lost: given.on_lease_lost.into(),
            on_link_lost: given.on_link_lost.into(),
        },
    }))
}

impl Default for Left {
    fn default() -> Left {
        Left::Word(Word::Hold)
    }
}

impl From<Left> for Policy {
    fn from(left: Left) -> Policy {
        match left {
            Left::Word(Word::Hold) => Policy::Hold,
            Left::Word(Word::Off) => Policy::Shine(0.0),
            Left::Word(Word::On) => Policy::Shine(1.0),
            Left::Brightness(value) => Policy::Shine(value),
        }
    }
}

impl From<OnStop> for Policy {
    fn from(on_stop: OnStop) -> Policy {
        match on_stop {
            OnStop::Off => Policy::Shine(0.0),
            OnStop::On => Policy::Shine(1.0),
        }
    }
}

impl From<Policy> for Datum {
    fn from(policy: Policy) -> Datum {
        match policy {
            Policy::Hold => "hold".into(),
            Policy::Shine(0.0) => "off".into(),
            Policy::Shine(1.0) => "on".into(),
            Policy::Shine(value) => value.into(),
        }
    }
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        vec![("line", self.address.clone())]
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
        let line = OutputLine::open(bench, &self.address, self.polarity, Initial::Off)?;
        Ok(Box::new(PwmLed {
            pwm: SoftwarePwm::new(line, self.period),
            policies: self.policies,
            fault: None,
            effect: None,
        }))
    }
}

impl PwmLed {
    fn shine(&mut self, brightness: f64, now: Instant) -> Result<(), HardwareError> {
        let result = self.pwm.set(brightness, now);
        self.note(result)
    }

    fn begin(&mut self, effect: Effect, now: Instant) -> Result<(), HardwareError> {
        self.effect = None;
        self.shine(effect.first(), now)?;
        self.effect = Some(effect);
        Ok(())
    }

    /// Keeps an error as the state, and ends whatever was going on.
    fn note(&mut self, result: Result<(), HardwareError>) -> Result<(), HardwareError> {
        self.fault = result.as_ref().err().map(|error| error.to_string().into());
        if result.is_err() {
            self.effect = None;
        }
        result
    }
}

impl Device for PwmLed {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let brightness = match verb {
            "on" => arguments.none().map(|()| 1.0)?,
            "off" => arguments.none().map(|()| 0.0)?,
            "toggle" => arguments.none().map(|()| 1.0 - self.pwm.duty())?,
            "set" => match actions::switch_value(arguments) {
                Ok(on) => Value::from_bool(on).number(),
                Err(_) => {
                    let mut argument = arguments.take();
                    let value = argument.number("value", 0.0, 1.0)?;
                    argument.finish()?;
                    value.ok_or_else(|| Refusal::new(Code::MissingKey, "argument value is missing"))?
                }
            },
            "blink" => return Ok(self.begin(Effect::blink(arguments, now)?, now)?),
            "pulse" => return Ok(self.begin(Effect::pulse(arguments, now)?, now)?),
            "read" => {
                arguments.none()?;
                let read = self.pwm.read();
                return Ok(self.note(read)?);
            }
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        };
        self.effect = None;
        Ok(self.shine(brightness, now)?)
    }

    fn deadline(&self) -> Option<Instant> {
        [self.pwm.deadline(), self.effect.as_ref().map(Effect::due)].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        let mut ticked = Ticked::Quiet;
        if let Some(effect) = self.effect.take_if(|effect| effect.due() <= now) {
            let (next, brightness) = effect.next(now);
            self.effect = next;
            // The steps of a fade are not told one by one; its turns are.
            if self.shine(brightness, now).is_err() || self.pwm.deadline().is_none() {
                ticked = Ticked::Changed;
            }
        }
        let switched = self.pwm.tick(now);
        if switched.is_err() {
            let _ = self.note(switched);
            ticked = Ticked::Changed;
        }
        ticked
    }

    fn activity(&self) -> Activity {
        let is_off = self.fault.is_none() && self.effect.is_none() && self.pwm.duty() == 0.0;
        if is_off { Activity::Idle } else { Activity::Active }
    }

    fn observe(&self) -> Observation {
        let value = match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.pwm.duty()),
        };
        let event = match &value {
            Err(_) => "fault",
            Ok(brightness) if *brightness > 0.0 => "on",
            Ok(_) => "off",
        };
        let fields = self.effect.iter().map(Effect::field).collect();
        Observation { event, value, edge: None, fields }
    }

    fn secure(&mut self, occasion: Occasion, now: Instant) -> Result<(), HardwareError> {
        match self.policies.on(occasion) {
            Policy::Hold => Ok(()),
            Policy::Shine(brightness) => {
                self.effect = None;
                self.shine(brightness, now)
            }
        }
    }
}
