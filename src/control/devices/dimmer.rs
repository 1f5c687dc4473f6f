//! A dimmer: one output with a duty from 0 to 1.  The kinds `pwm_led` and `pwm` are dimmers.

use std::time::Instant;

use serde::Deserialize;

use super::actions::{self, BLINK, OFF, ON, READ, TOGGLE};
use super::duty_policy::DutyPolicy;
use super::effect::{Effect, PULSE};
use super::light::{Lamp, Light};
use super::pwm_output::PwmOutput;
use super::pwm_source::{PwmSource, Source};
use super::safety::{Powers, Safeguards, SafetySettings};
use crate::control::{Activity, Bench, Blueprint, Device, Guards, Observation, Occasion, Ticked};
use crate::domain::{
    ActionSpec, Arguments, LineAddress, LineRef, Mistakes, ParameterSpec, Polarity, PwmAddress, Refusal,
    Settings, Wired,
};
use crate::hardware::HardwareError;

/// What a dimmer can do.
pub(super) const ACTIONS: &[ActionSpec] = &[
    ON,
    OFF,
    TOGGLE,
    ActionSpec {
        name: "set",
        summary: "sets the brightness, or whatever its power is",
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
struct DimmerSettings {
    line: Option<LineRef>,
    chip: Option<String>,
    pwm: Option<PwmAddress>,
    #[serde(default)]
    active_low: bool,
    frequency: Option<f64>,
}

struct Plan {
    kind: &'static str,
    pwm: PwmSource,
    safeguards: Safeguards<DutyPolicy>,
}

struct Dimmer {
    kind: &'static str,
    light: Light<PwmOutput>,
}

/// Reads the settings of a dimmer of this kind, which does what `left` says when a lease or a link is lost, and
/// nothing else is said.
pub(super) fn read(
    kind: &'static str,
    left: DutyPolicy,
    settings: &Settings<'_>,
    mistakes: &mut Mistakes,
) -> Option<Box<dyn Blueprint>> {
    let (given, safety) =
        settings.read_both::<DimmerSettings, SafetySettings<Option<DutyPolicy>>>(mistakes)?;
    let source = Source::read(given.line, given.chip, given.pwm, settings, mistakes)?;
    let period = source.period(given.frequency.unwrap_or(FREQUENCY), settings, mistakes)?;
    let safety = safety.with(|given| given.unwrap_or(DutyPolicy::OFF), |given| given.unwrap_or(left));
    safety.check_policies(&source, Powers::All, settings, mistakes)?;
    let safeguards = safety.checked(settings, mistakes)?;
    let polarity = Polarity::from_active_low(given.active_low);
    let pwm = PwmSource { role: "line", source, polarity, period };
    Some(Box::new(Plan { kind, pwm, safeguards }))
}

/// In Hz: no eye sees it, and few loads hear it.
const FREQUENCY: f64 = 100.0;

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

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        let policies = self.safeguards.policies;
        let light = Light::new(self.pwm.open(bench, policies.on_stop)?, policies);
        Ok(Box::new(Dimmer { kind: self.kind, light }))
    }
}

impl Lamp for PwmOutput {
    fn shine(&mut self, brightness: f64, now: Instant) -> Result<(), HardwareError> {
        self.set(brightness, now)
    }

    fn brightness(&self) -> f64 {
        self.duty()
    }

    fn read(&mut self) -> Result<(), HardwareError> {
        self.read()
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn tick(&mut self, now: Instant) -> Result<(), HardwareError> {
        self.tick(now)
    }
}

impl Device for Dimmer {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let brightness = match verb {
            "on" => arguments.none().map(|()| 1.0)?,
            "off" => arguments.none().map(|()| 0.0)?,
            "toggle" => arguments.none().map(|()| 1.0 - self.light.lamp.duty())?,
            "set" => actions::part_value(arguments)?,
            "blink" => return Ok(self.light.begin(Effect::blink(arguments, now)?, now)?),
            "pulse" => return Ok(self.light.begin(Effect::pulse(arguments, now)?, now)?),
            "read" => {
                arguments.none()?;
                return Ok(self.light.read()?);
            }
            _ => return Err(actions::unknown(verb, self.kind, ACTIONS)),
        };
        Ok(self.light.shine(brightness, now)?)
    }

    fn check_set(&self, arguments: &Arguments, _range: (f64, f64)) -> Result<(), Refusal> {
        actions::part_value(arguments).map(drop)
    }

    fn deadline(&self) -> Option<Instant> {
        self.light.deadline()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        self.light.tick(now)
    }

    fn activity(&self) -> Activity {
        self.light.activity()
    }

    fn observe(&self) -> Observation {
        let value = self.light.value();
        let event = match &value {
            Err(_) => "fault",
            Ok(brightness) if *brightness > 0.0 => "on",
            Ok(_) => "off",
        };
        let fields = self.light.effect.iter().map(Effect::field).collect();
        Observation { event, value, edge: None, fields }
    }

    fn secure(&mut self, occasion: Occasion, now: Instant) -> Result<(), HardwareError> {
        self.light.secure(occasion, now)
    }
}
