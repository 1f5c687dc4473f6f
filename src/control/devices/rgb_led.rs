//! `rgb_led`: a light of three colours, each with a PWM of its own.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::actions::{self, BLINK, OFF, ON, READ, TOGGLE};
use super::color::{self, Color};
use super::duty_policy::DutyPolicy;
use super::effect::{Effect, PULSE};
use super::light::{Lamp, Light};
use super::pwm_output::PwmOutput;
use super::pwm_source::{PwmSource, Source, Wire};
use super::safety::{Safeguards, SafetySettings};
use crate::control::{Activity, Bench, Blueprint, Device, Guards, Kind, Observation, Occasion, Ticked};
use crate::domain::{
    ActionSpec, Arguments, LineAddress, Mistakes, ParameterSpec, Polarity, PwmAddress, Refusal, Settings,
    Wired,
};
use crate::hardware::HardwareError;

pub(super) static KIND: Kind = Kind {
    name: "rgb_led",
    summary: "a light of three colours",
    example: r#""red": "GPIO9",          // a name, or an offset on the chip, or a PWM channel of the kernel:
"green": "GPIO10",       //   {"chip": "fe20c000.pwm", "channel": 0}
"blue": "GPIO11",
"chip": null,            // the chip of its lines by path, name or label; null for hardware.chip, or to find them by name
"active_low": false,     // true when low levels switch it on: a common anode
"frequency": 100,        // of the PWM in Hz: 10 to 1000 on lines, 1 to 100000 of PWM channels
"require_lease": false,  // true: nobody writes it without a lease on it
"max_on": null,          // "10ms" to "24h": it goes off when it was on for so long, whoever forgot it; null: never
"on_stop": "off",        // off: what it does when the daemon ends; with PWM channels also hold, on or a brightness
"on_lease_lost": "hold", // hold, off, on or a brightness of its colour: what it does when a lease on it is lost
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
        summary: "sets the brightness of its colour, or a colour",
        parameters: &[ParameterSpec {
            name: "value",
            summary: "a brightness from 0 to 1, ON, OFF, a colour such as #ff8000, or three numbers: 1,0.5,0",
        }],
    },
    ActionSpec {
        name: "color",
        summary: "sets the colour",
        parameters: &[
            ParameterSpec {
                name: "red",
                summary: "0 to 1; or the whole colour, such as #ff8000 or 1,0.5,0, as the only argument",
            },
            ParameterSpec { name: "green", summary: "0 to 1" },
            ParameterSpec { name: "blue", summary: "0 to 1" },
        ],
    },
    BLINK,
    PULSE,
    READ,
];

const FREQUENCY: f64 = 100.0;
const ROLES: [&str; 3] = ["red", "green", "blue"];

#[derive(Deserialize)]
struct RgbSettings {
    red: Wire,
    green: Wire,
    blue: Wire,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    frequency: Option<f64>,
}

/// A light holds where nothing else is said.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
struct Held(DutyPolicy);

impl Default for Held {
    fn default() -> Held {
        Held(DutyPolicy::Hold)
    }
}

struct Plan {
    sources: [PwmSource; 3],
    safeguards: Safeguards<DutyPolicy>,
}

struct RgbLed {
    light: Light<Trio>,
}

/// Three PWMs that are one lamp.
struct Trio {
    pwms: [PwmOutput; 3],
    /// The colour at full brightness.
    hue: Color,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, safety) =
        settings.read_both::<RgbSettings, SafetySettings<Option<DutyPolicy>, Held>>(mistakes)?;
    let chip = given.chip.as_ref();
    let sources = [given.red, given.green, given.blue].map(|wire| Source::of_wire(wire, chip));
    let safety = safety.with(|given| given.unwrap_or(DutyPolicy::OFF), |Held(policy)| policy);
    if sources.iter().any(|source| matches!(source, Source::Line(_))) && safety.on_stop != DutyPolicy::OFF {
        let message = "on_stop is off, because the PWM of a line ends with the daemon";
        settings.mistake("on_stop", message, mistakes);
        return None;
    }
    let frequency = given.frequency.unwrap_or(FREQUENCY);
    // A frequency that one of them can't have is one mistake.
    let periods: Option<Vec<Duration>> =
        sources.iter().map(|source| source.period(frequency, settings, mistakes)).collect();
    let period = *periods?.first()?;
    let safeguards = safety.checked(settings, mistakes)?;
    let polarity = Polarity::from_active_low(given.active_low);
    let [red, green, blue] = sources;
    let named = |role, source| PwmSource { role, source, polarity, period };
    Some(Box::new(Plan {
        sources: [named(ROLES[0], red), named(ROLES[1], green), named(ROLES[2], blue)],
        safeguards,
    }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        self.sources.iter().filter_map(PwmSource::line).collect()
    }

    fn channels(&self) -> Vec<(&'static str, PwmAddress)> {
        self.sources.iter().filter_map(PwmSource::channel).collect()
    }
}

impl Blueprint for Plan {
    fn guards(&self) -> Guards {
        self.safeguards.told()
    }

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        let [red, green, blue] = &self.sources;
        let policies = self.safeguards.policies;
        let mut open = |source: &PwmSource| source.open(bench, policies.on_stop);
        let lamp = Trio { pwms: [open(red)?, open(green)?, open(blue)?], hue: Color::WHITE };
        Ok(Box::new(RgbLed { light: Light::new(lamp, policies) }))
    }
}

impl Trio {
    /// Its colour as the hardware has it.
    fn color(&self) -> Color {
        let [red, green, blue] = &self.pwms;
        Color([red.duty(), green.duty(), blue.duty()])
    }

    /// Takes a colour, which is remembered while it is dark.
    fn paint(&mut self, color: Color, now: Instant) -> Result<(), HardwareError> {
        self.hue = color.at_full().unwrap_or(self.hue);
        self.give(color, now)
    }

    fn give(&mut self, color: Color, now: Instant) -> Result<(), HardwareError> {
        let results = self.pwms.iter_mut().zip(color.0).map(|(pwm, part)| pwm.set(part, now));
        // All three are written, whatever becomes of the first.
        results.collect::<Vec<_>>().into_iter().collect()
    }
}

impl Lamp for Trio {
    fn shine(&mut self, brightness: f64, now: Instant) -> Result<(), HardwareError> {
        self.give(self.hue.at(brightness), now)
    }

    fn brightness(&self) -> f64 {
        self.color().brightness()
    }

    fn read(&mut self) -> Result<(), HardwareError> {
        self.pwms.iter_mut().try_for_each(PwmOutput::read)
    }

    fn deadline(&self) -> Option<Instant> {
        self.pwms.iter().filter_map(PwmOutput::deadline).min()
    }

    fn tick(&mut self, now: Instant) -> Result<(), HardwareError> {
        self.pwms.iter_mut().try_for_each(|pwm| pwm.tick(now))
    }
}

impl RgbLed {
    fn paint(&mut self, color: Color, now: Instant) -> Result<(), HardwareError> {
        self.light.change(|lamp| lamp.paint(color, now))
    }
}

impl Device for RgbLed {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let brightness = match verb {
            "on" => arguments.none().map(|()| 1.0)?,
            "off" => arguments.none().map(|()| 0.0)?,
            "toggle" => {
                arguments.none().map(|()| if self.light.lamp.brightness() > 0.0 { 0.0 } else { 1.0 })?
            }
            "set" => match color::of_value(arguments)? {
                Some(color) => return Ok(self.paint(color, now)?),
                None => actions::part_value(arguments)?,
            },
            "color" => return Ok(self.paint(color::of_arguments(arguments)?, now)?),
            "blink" => return Ok(self.light.begin(Effect::blink(arguments, now)?, now)?),
            "pulse" => return Ok(self.light.begin(Effect::pulse(arguments, now)?, now)?),
            "read" => {
                arguments.none()?;
                return Ok(self.light.read()?);
            }
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        };
        Ok(self.light.shine(brightness, now)?)
    }

    fn check_set(&self, arguments: &Arguments, _range: (f64, f64)) -> Result<(), Refusal> {
        match color::of_value(arguments)? {
            Some(_) => Ok(()),
            None => actions::part_value(arguments).map(drop),
        }
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
        let color = self.light.lamp.color();
        let value = self.light.value();
        let (event, mut fields) = match &value {
            Err(_) => ("fault", Vec::new()),
            Ok(0.0) => ("off", color.fields()),
            Ok(_) => ("on", color.fields()),
        };
        fields.extend(self.light.effect.iter().map(Effect::field));
        Observation { event, value, edge: None, fields }
    }

    fn secure(&mut self, occasion: Occasion, now: Instant) -> Result<(), HardwareError> {
        self.light.secure(occasion, now)
    }
}
