//! `pwm_led`: a light with a brightness, by software PWM on one line.
//!
//! The hardware thread switches the line at its own deadlines, and only while the brightness is between off and
//! full: a lamp that is off or full costs nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::actions::{self, BLINK, OFF, ON, READ, TIMES, TOGGLE};
use super::blink::Blink;
use super::output_line::{Initial, OutputLine};
use super::safety::{self, Policies};
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
    ActionSpec {
        name: "pulse",
        summary: "fades in and out again and again, and leaves it off",
        parameters: &[
            ParameterSpec {
                name: "fade_in_time",
                summary: "how long it takes to become full: seconds or a duration, at least 50ms; default 1s",
            },
            ParameterSpec { name: "fade_out_time", summary: "how long it takes to go out; default 1s" },
            TIMES,
        ],
    },
    READ,
];

const LEAST_FADE: Duration = Duration::from_millis(50);
/// How often the brightness changes in a fade: more often than the eye can see steps.
const FADE_STEP: Duration = Duration::from_millis(40);

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
    line: OutputLine,
    period: Duration,
    policies: Policies<Policy>,
    brightness: f64,
    fault: Option<Arc<str>>,
    /// When the line changes next, while the brightness is between off and full.
    switch_at: Option<Instant>,
    effect: Option<Effect>,
}

enum Effect {
    Blink(Blink),
    Pulse(Pulse),
}

/// A fade in or out.
struct Pulse {
    fade_in: Duration,
    fade_out: Duration,
    /// Further pulses after this one; `None` for no end.
    remaining: Option<u32>,
    rising: bool,
    since: Instant,
    step_at: Instant,
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
            line,
            period: self.period,
            policies: self.policies,
            brightness: 0.0,
            fault: None,
            switch_at: None,
            effect: None,
        }))
    }
}

impl PwmLed {
    /// Takes a new brightness.  A PWM that runs goes on in its rhythm; one that does not begins with being on.
    fn shine(&mut self, brightness: f64, now: Instant) -> Result<(), HardwareError> {
        let steady = if brightness <= 0.0 {
            Some(Value::Inactive)
        } else if brightness >= 1.0 {
            Some(Value::Active)
        } else {
            None
        };
        self.brightness = brightness.clamp(0.0, 1.0);
        let result = match (steady, self.switch_at) {
            (Some(value), _) => {
                self.switch_at = None;
                self.line.set(value)
            }
            (None, Some(_)) => Ok(()),
            (None, None) => {
                self.switch_at = Some(now + self.period.mul_f64(self.brightness));
                self.line.set(Value::Active)
            }
        };
        self.note(result)
    }

    /// Changes the line when its time in this period is over.
    fn switch(&mut self, due: Instant, now: Instant) -> Result<(), HardwareError> {
        let active = self.line.value() == Ok(Value::Active);
        let part = if active { 1.0 - self.brightness } else { self.brightness };
        let next = due + self.period.mul_f64(part);
        // What is late by a whole period is not made up for.
        self.switch_at = Some(if next + self.period < now { now + self.period.mul_f64(part) } else { next });
        let result = self.line.set(Value::from_bool(!active));
        self.note(result)
    }

    /// Keeps an error as the state, and ends whatever was going on.
    fn note(&mut self, result: Result<(), HardwareError>) -> Result<(), HardwareError> {
        self.fault = result.as_ref().err().map(|error| error.to_string().into());
        if result.is_err() {
            (self.switch_at, self.effect) = (None, None);
        }
        result
    }

    fn step(&mut self, effect: Effect, now: Instant) -> Result<(), HardwareError> {
        let (next, brightness) = match effect {
            Effect::Blink(blink) => {
                let next = blink.next(now);
                let value = next.as_ref().map_or(Value::Inactive, Blink::value);
                (next.map(Effect::Blink), value.number())
            }
            Effect::Pulse(pulse) => {
                let (next, brightness) = pulse.next(now);
                (next.map(Effect::Pulse), brightness)
            }
        };
        self.effect = next;
        self.shine(brightness, now)
    }
}

impl Pulse {
    fn begin(arguments: &Arguments, now: Instant) -> Result<Pulse, Refusal> {
        let mut argument = arguments.take();
        let second = Duration::from_secs(1);
        let fade_in = argument.duration("fade_in_time", LEAST_FADE, second)?;
        let fade_out = argument.duration("fade_out_time", LEAST_FADE, second)?;
        let remaining = argument.count("n")?.map(|n| n - 1);
        argument.finish()?;
        Ok(Pulse { fade_in, fade_out, remaining, rising: true, since: now, step_at: now + FADE_STEP })
    }

    /// The brightness now, and the pulse as it goes on, or nothing when it has ended.
    fn next(mut self, now: Instant) -> (Option<Pulse>, f64) {
        let time = if self.rising { self.fade_in } else { self.fade_out };
        let done = now.saturating_duration_since(self.since).as_secs_f64() / time.as_secs_f64();
        self.step_at = now + FADE_STEP;
        if done < 1.0 {
            let brightness = if self.rising { done } else { 1.0 - done };
            return (Some(self), brightness);
        }
        self.since = now;
        if self.rising {
            self.rising = false;
            return (Some(self), 1.0);
        }
        if self.remaining == Some(0) {
            return (None, 0.0);
        }
        self.remaining = self.remaining.map(|n| n - 1);
        self.rising = true;
        (Some(self), 0.0)
    }
}

impl Effect {
    fn due(&self) -> Instant {
        match self {
            Effect::Blink(blink) => blink.due(),
            Effect::Pulse(pulse) => pulse.step_at,
        }
    }
}

impl Device for PwmLed {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let brightness = match verb {
            "on" => arguments.none().map(|()| 1.0)?,
            "off" => arguments.none().map(|()| 0.0)?,
            "toggle" => arguments.none().map(|()| 1.0 - self.brightness)?,
            "set" => match actions::switch_value(arguments) {
                Ok(on) => Value::from_bool(on).number(),
                Err(_) => {
                    let mut argument = arguments.take();
                    let value = argument.number("value", 0.0, 1.0)?;
                    argument.finish()?;
                    value.ok_or_else(|| Refusal::new(Code::MissingKey, "argument value is missing"))?
                }
            },
            "blink" => {
                let blink = Blink::begin(arguments, now)?;
                self.effect = None;
                self.shine(blink.value().number(), now)?;
                self.effect = Some(Effect::Blink(blink));
                return Ok(());
            }
            "pulse" => {
                let pulse = Pulse::begin(arguments, now)?;
                self.effect = None;
                self.shine(0.0, now)?;
                self.effect = Some(Effect::Pulse(pulse));
                return Ok(());
            }
            "read" => {
                arguments.none()?;
                let read = self.line.read();
                if let (Ok(value), None) = (&read, self.switch_at) {
                    // Without a PWM it shines as the line says, whatever it was told before a fault.
                    self.brightness = value.number();
                }
                return Ok(self.note(read.map(drop))?);
            }
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        };
        self.effect = None;
        Ok(self.shine(brightness, now)?)
    }

    fn deadline(&self) -> Option<Instant> {
        [self.switch_at, self.effect.as_ref().map(Effect::due)].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        let mut ticked = Ticked::Quiet;
        if let Some(effect) = self.effect.take() {
            if effect.due() > now {
                self.effect = Some(effect);
            } else {
                // The steps of a fade are not told one by one; its turns are.
                let result = self.step(effect, now);
                if result.is_err() || self.switch_at.is_none() {
                    ticked = Ticked::Changed;
                }
            }
        }
        if let Some(due) = self.switch_at.filter(|due| *due <= now) {
            if self.switch(due, now).is_err() {
                ticked = Ticked::Changed;
            }
        }
        ticked
    }

    fn activity(&self) -> Activity {
        let is_off = self.fault.is_none() && self.effect.is_none() && self.brightness == 0.0;
        if is_off { Activity::Idle } else { Activity::Active }
    }

    fn observe(&self) -> Observation {
        let value = match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.brightness),
        };
        let event = match &value {
            Err(_) => "fault",
            Ok(brightness) if *brightness > 0.0 => "on",
            Ok(_) => "off",
        };
        let effect = match self.effect {
            None => return Observation { event, value, edge: None, fields: Vec::new() },
            Some(Effect::Blink(_)) => "blinking",
            Some(Effect::Pulse(_)) => "pulsing",
        };
        Observation { event, value, edge: None, fields: vec![(effect, Datum::Bool(true))] }
    }

    fn secure(&mut self, occasion: Occasion, now: Instant) -> Result<(), HardwareError> {
        match self.policies.on(occasion) {
            Policy::Hold => Ok(()),
            Policy::Shine(brightness) => {
                self.effect = None;
                if occasion == Occasion::Stop {
                    // No step of the PWM comes any more.
                    self.switch_at = None;
                }
                self.shine(brightness, now)
            }
        }
    }
}
