//! `simulated`: a thermometer without a sensor, which a heater and a fan of the same configuration change.

use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;

use super::sampling::{Sampling, Window};
use super::sensor::SIMULATE;
use super::settings::{Common, Defaults, common_example};
use super::thermal::{Setup, Thermal};
use super::{TEMPERATURE, Values};
use crate::control::devices::actions::{self, READ};
use crate::control::{Activity, Bench, Blueprint, Device, Kind, Observation, Ticked};
use crate::domain::{
    Arguments, Code, Datum, DeviceName, LineAddress, Mistakes, Refusal, Settings, Span, State, Wired,
};
use crate::hardware::HardwareError;
use crate::hardware::buses::Readings;

pub(in crate::control::devices) static KIND: Kind = Kind {
    name: "simulated",
    summary: "a thermometer without a sensor, warmed by a heater and cooled by a fan",
    example: concat!(
        r#""heater": null,          // the device whose value, from 0 to 1, heats it; null for none
"fan": null,             // the device whose value cools it; null for none
"ambient": 21,           // °C of the air, -50 to 100
"heating": 60,           // how much warmer it gets in the end, 0 to 500 °C
"cooling": 2,            // how much faster it cools with the fan, 0 to 100: 2 for three times as fast
"time_constant": "1min", // the time in which two thirds of a change are done: 1s to 24h
"precision": 1,          // decimals, 0 to 6
"plausible": { "min": -50, "max": 600 }, // °C that are believed"#,
        common_example!()
    ),
    actions: &[READ, SIMULATE],
    simulated_actions: &[],
    unit: Some("°C"),
    range: DEFAULTS.range,
    read,
};

const DEFAULTS: Defaults =
    Defaults { interval: Span::from_millis(1000), precision: 1, range: (-50.0, 600.0) };

#[derive(Deserialize)]
struct Given {
    heater: Option<String>,
    fan: Option<String>,
    #[serde(default = "ambient")]
    ambient: f64,
    #[serde(default = "heating")]
    heating: f64,
    #[serde(default = "cooling")]
    cooling: f64,
    time_constant: Option<Span>,
}

fn ambient() -> f64 {
    21.0
}

fn heating() -> f64 {
    60.0
}

fn cooling() -> f64 {
    2.0
}

struct Plan {
    setup: Setup,
    heater: Option<DeviceName>,
    fan: Option<DeviceName>,
    sampling: Sampling,
}

struct Simulated {
    thermal: Thermal,
    heater: Option<DeviceName>,
    fan: Option<DeviceName>,
    sampling: Sampling,
    window: Window,
    next: Instant,
    told: Result<Readings, Arc<str>>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, common) = settings.read_both::<Given, Common>(mistakes)?;
    let sampling = common.sampling(DEFAULTS, settings, mistakes);
    let before = mistakes.found.len();
    let bounds = [
        ("ambient", given.ambient, -50.0, 100.0),
        ("heating", given.heating, 0.0, 500.0),
        ("cooling", given.cooling, 0.0, 100.0),
    ];
    for (key, value, least, most) in bounds {
        if value < least || value > most {
            settings.mistake(key, format!("{key} is from {least} to {most}"), mistakes);
        }
    }
    let time_constant = given.time_constant.unwrap_or(TIME_CONSTANT);
    let (least, most) = TIME_CONSTANTS;
    if time_constant < least || time_constant > most {
        settings.mistake("time_constant", format!("time_constant is from {least} to {most}"), mistakes);
    }
    let mut named = |key: &str, name: &Option<String>| {
        let parsed = name.as_deref().map(DeviceName::parse).transpose();
        parsed.unwrap_or_else(|rule| {
            settings.mistake(key, rule.to_string(), mistakes);
            None
        })
    };
    let (heater, fan) = (named("heater", &given.heater), named("fan", &given.fan));
    let setup = Setup {
        ambient: given.ambient,
        heating: given.heating,
        cooling: given.cooling,
        time_constant: time_constant.0,
    };
    let plan = Plan { setup, heater, fan, sampling: sampling? };
    (mistakes.found.len() == before).then(|| Box::new(plan) as Box<dyn Blueprint>)
}

const TIME_CONSTANT: Span = Span::from_millis(60_000);
const TIME_CONSTANTS: (Span, Span) = (Span::from_millis(1000), Span::from_millis(24 * 3_600_000));

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        Vec::new()
    }

    fn is_output(&self) -> bool {
        false
    }

    fn numbers(&self) -> Option<&'static [&'static str]> {
        Some(TEMPERATURE.names)
    }

    fn watches(&self) -> Vec<(&'static str, DeviceName)> {
        let named = [("heater", &self.heater), ("fan", &self.fan)];
        named.into_iter().filter_map(|(key, name)| Some((key, name.clone()?))).collect()
    }
}

impl Blueprint for Plan {
    fn values(&self) -> Vec<(&'static str, &'static str)> {
        let Values { units, .. } = TEMPERATURE;
        units.to_vec()
    }

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        let now = bench.now();
        let mut device = Simulated {
            thermal: Thermal::new(self.setup, now),
            heater: self.heater.clone(),
            fan: self.fan.clone(),
            sampling: self.sampling.clone(),
            window: Window::default(),
            next: now,
            told: Ok(Vec::new()),
        };
        device.look(now);
        Ok(Box::new(device))
    }
}

impl Simulated {
    fn look(&mut self, now: Instant) {
        let temperature = self.thermal.at(now);
        self.told = self.sampling.take(vec![("temperature", temperature)], &mut self.window);
        self.next = now + self.sampling.interval;
    }
}

impl Device for Simulated {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        match verb {
            "read" => arguments.none()?,
            "simulate" => {
                let mut argument = arguments.take();
                let temperature = argument.number("value", KIND.range.0, KIND.range.1)?;
                argument.finish()?;
                let missing = || Refusal::new(Code::MissingKey, "argument value is missing");
                self.thermal.set(temperature.ok_or_else(missing)?, now);
                // What was read before is none of this.
                self.window.clear();
            }
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        }
        self.look(now);
        Ok(())
    }

    fn watched(&mut self, device: &DeviceName, state: &State, now: Instant) {
        // An output that has failed goes on as it was, as far as anybody knows.
        let Ok(value) = state.value else { return };
        if self.heater.as_ref() == Some(device) {
            self.thermal.heat(value, now);
        }
        if self.fan.as_ref() == Some(device) {
            self.thermal.blow(value, now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.next)
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        self.look(now);
        Ticked::Changed
    }

    fn activity(&self) -> Activity {
        Activity::Idle
    }

    fn observe(&self) -> Observation {
        let readings = self.told.as_ref().map(Vec::as_slice).unwrap_or_default();
        let value = match &self.told {
            Ok(readings) => readings.first().map_or(Err("nothing was read".into()), |(_, value)| Ok(*value)),
            Err(error) => Err(error.clone()),
        };
        let fields = readings.iter().map(|(name, value)| (*name, Datum::Number(*value))).collect();
        let event = if value.is_ok() { "reading" } else { "fault" };
        Observation { event, value, edge: None, fields }
    }
}
