//! A dimmer: one output with a duty from 0 to 1.  The kinds `pwm_led` and `pwm` are dimmers.

use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;

use super::actions::{self, BLINK, OFF, ON, READ, TOGGLE};
use super::duty_policy::DutyPolicy;
use super::effect::{Effect, PULSE};
use super::pwm_output::PwmOutput;
use super::pwm_source::{PwmSource, Source};
use super::safety::{Policies, Powers, Safeguards, SafetySettings};
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
    pwm: PwmOutput,
    policies: Policies<DutyPolicy>,
    fault: Option<Arc<str>>,
    effect: Option<Effect>,
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
        let (kind, pwm, policies) =
            (self.kind, self.pwm.open(bench, self.safeguards.policies.on_stop)?, self.safeguards.policies);
        Ok(Box::new(Dimmer { kind, pwm, policies, fault: None, effect: None }))
    }
}

impl Dimmer {
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

impl Device for Dimmer {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let brightness = match verb {
            "on" => arguments.none().map(|()| 1.0)?,
            "off" => arguments.none().map(|()| 0.0)?,
            "toggle" => arguments.none().map(|()| 1.0 - self.pwm.duty())?,
            "set" => actions::part_value(arguments)?,
            "blink" => return Ok(self.begin(Effect::blink(arguments, now)?, now)?),
            "pulse" => return Ok(self.begin(Effect::pulse(arguments, now)?, now)?),
            "read" => {
                arguments.none()?;
                let read = self.pwm.read();
                return Ok(self.note(read)?);
            }
            _ => return Err(actions::unknown(verb, self.kind, ACTIONS)),
        };
        self.effect = None;
        Ok(self.shine(brightness, now)?)
    }

    fn check_set(&self, arguments: &Arguments, _range: (f64, f64)) -> Result<(), Refusal> {
        actions::part_value(arguments).map(drop)
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
            if self.shine(brightness, now).is_err() || matches!(self.pwm.duty(), 0.0 | 1.0) {
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
            DutyPolicy::Hold => Ok(()),
            DutyPolicy::Set(duty) => {
                self.effect = None;
                self.shine(duty, now)
            }
        }
    }
}
