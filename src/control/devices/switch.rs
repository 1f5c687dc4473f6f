//! A switch: one output line that is on or off.  The kinds `led`, `relay` and `output` are switches.

use std::time::Instant;

use serde::Deserialize;

use super::actions::{self, BLINK, OFF, ON, READ, TOGGLE};
use super::blink::Blink;
use super::output_line::{Initial, OutputLine, Policy};
use super::safety::{Policies, Safeguards, SafetySettings};
use crate::control::{Activity, Bench, Blueprint, Device, Guards, Observation, Occasion, Ticked};
use crate::domain::{
    ActionSpec, Arguments, Datum, LineAddress, LineRef, Mistakes, ParameterSpec, Polarity, Refusal, Settings,
    Value, Wired,
};
use crate::hardware::HardwareError;

/// What a switch can do.
pub(super) const ACTIONS: &[ActionSpec] = &[
    ON,
    OFF,
    TOGGLE,
    ActionSpec {
        name: "set",
        summary: "switches it on with 1 and off with 0",
        parameters: &[ParameterSpec { name: "value", summary: "0 or 1; ON and OFF are understood as well" }],
    },
    BLINK,
    READ,
];

#[derive(Deserialize)]
struct SwitchSettings {
    line: LineRef,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    #[serde(default)]
    initial: Initial,
}

struct Plan {
    kind: &'static str,
    address: LineAddress,
    polarity: Polarity,
    initial: Initial,
    safeguards: Safeguards<Policy>,
}

struct Switch {
    kind: &'static str,
    line: OutputLine,
    blink: Option<Blink>,
    policies: Policies<Policy>,
}

/// Reads the settings of a switch of this kind, whose `on_stop` is `on_stop` where nothing else is said.
pub(super) fn read(
    kind: &'static str,
    on_stop: Policy,
    settings: &Settings<'_>,
    mistakes: &mut Mistakes,
) -> Option<Box<dyn Blueprint>> {
    let (given, safety) =
        settings.read_both::<SwitchSettings, SafetySettings<Option<Policy>, Policy>>(mistakes)?;
    let safety = safety.with(|given| given.unwrap_or(on_stop), |given| given);
    Some(Box::new(Plan {
        kind,
        address: LineAddress { chip: given.chip, line: given.line },
        polarity: Polarity::from_active_low(given.active_low),
        initial: given.initial,
        safeguards: safety.checked(settings, mistakes)?,
    }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        vec![("line", self.address.clone())]
    }

    fn numbers(&self) -> Option<&'static [&'static str]> {
        Some(&[])
    }

    fn states(&self) -> Option<&'static [&'static str]> {
        Some(&["on", "off"])
    }
}

impl Blueprint for Plan {
    fn guards(&self) -> Guards {
        self.safeguards.told()
    }

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        let line = OutputLine::open(bench, "line", &self.address, self.polarity, self.initial)?;
        Ok(Box::new(Switch { kind: self.kind, line, blink: None, policies: self.safeguards.policies }))
    }
}

impl Switch {
    fn switch(&mut self, value: Value) -> Result<(), Refusal> {
        self.blink = None;
        Ok(self.line.set(value)?)
    }
}

impl Device for Switch {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        match verb {
            "on" => arguments.none().and_then(|()| self.switch(Value::Active)),
            "off" => arguments.none().and_then(|()| self.switch(Value::Inactive)),
            "toggle" => {
                arguments.none()?;
                let value = self.line.read()?;
                self.switch(!value)
            }
            "set" => actions::switch_value(arguments).and_then(|on| self.switch(Value::from_bool(on))),
            "blink" => {
                let blink = Blink::begin(arguments, now)?;
                self.switch(blink.value())?;
                self.blink = Some(blink);
                Ok(())
            }
            "read" => {
                arguments.none()?;
                self.line.read()?;
                Ok(())
            }
            _ => Err(actions::unknown(verb, self.kind, ACTIONS)),
        }
    }

    fn check_set(&self, arguments: &Arguments, _range: (f64, f64)) -> Result<(), Refusal> {
        actions::switch_value(arguments).map(drop)
    }

    fn deadline(&self) -> Option<Instant> {
        self.blink.as_ref().map(Blink::due)
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        let Some(blink) = self.blink.take() else { return Ticked::Quiet };
        self.blink = blink.next(now);
        let value = self.blink.as_ref().map_or(Value::Inactive, Blink::value);
        if self.line.set(value).is_err() {
            // The line keeps the error as its state; going on would only repeat it.
            self.blink = None;
        }
        Ticked::Changed
    }

    fn activity(&self) -> Activity {
        match (&self.blink, self.line.value()) {
            (None, Ok(Value::Inactive)) => Activity::Idle,
            _ => Activity::Active,
        }
    }

    fn observe(&self) -> Observation {
        let value = self.line.value();
        let event = match &value {
            Ok(Value::Active) => "on",
            Ok(Value::Inactive) => "off",
            Err(_) => "fault",
        };
        let fields = if self.blink.is_some() { vec![("blinking", Datum::Bool(true))] } else { Vec::new() };
        Observation { event, value: value.map(Value::number), edge: None, fields }
    }

    fn secure(&mut self, occasion: Occasion, _now: Instant) -> Result<(), HardwareError> {
        let policy = self.policies.on(occasion);
        // Nobody blinks when the daemon has ended; otherwise it is held blinking.
        if policy != Policy::Hold || occasion == Occasion::Stop {
            self.blink = None;
        }
        self.line.follow(policy)
    }
}
