//! `fan`: a fan with a speed where its PWM has one, and with its revolutions where it tells them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::actions::{self, OFF, ON, READ, TOGGLE};
use super::duty_policy::DutyPolicy;
use super::pwm_output::PwmOutput;
use super::pwm_source::{PwmSource, Source};
use super::safety::{Policies, Powers, Safeguards, SafetySettings};
use super::tachometer::{Tachometer, TachometerPlan, TachometerSettings};
use crate::control::{Activity, Bench, Blueprint, Device, Guards, Kind, Observation, Occasion, Ticked};
use crate::domain::{
    ActionSpec, Arguments, Code, Datum, LineAddress, LineRef, Mistakes, ParameterSpec, Polarity, PwmAddress,
    Refusal, Settings, Span, Wired,
};
use crate::hardware::{Edge, HardwareError};

pub(super) static KIND: Kind = Kind {
    name: "fan",
    summary: "a fan with a speed from 0 to 1, or one that is on or off",
    example: r#""line": "GPIO13",        // a name, or an offset on the chip
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"pwm": null,             // in place of line: a PWM channel of the kernel, {"chip": "fe20c000.pwm", "channel": 0}
"active_low": false,     // true when a low level drives it
"frequency": null,       // of the PWM in Hz: 10 to 1000 on a line, where null means on or off; of pwm null means 25000
"minimum": 0,            // 0 to 1: a speed below it is off, because the fan would stand and hum
"start_boost": "0s",     // at most 10s: how long it gets full power when it starts
"tachometer": null,      // {"line": "GPIO26", "pulses_per_revolution": 2}: tells rpm, and that it is stalled
"require_lease": false,  // true: nobody writes it without a lease on it
"max_on": null,          // "10ms" to "24h": it goes off when it was on for so long, whoever forgot it; null: never
"on_stop": "off",        // off or on: what it does when the daemon ends; with pwm also hold or a speed
"on_lease_lost": "off",  // hold, off, on or a speed: what it does when a lease on it is lost
"on_link_lost": "off",   // the same for when the connection that wrote it last has ended"#,
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
        summary: "sets the speed",
        parameters: &[ParameterSpec {
            name: "value",
            summary: "0 (off) to 1 (full), or only these two without a PWM; ON and OFF are understood as well",
        }],
    },
    READ,
];

/// In Hz: what Intel's specification of fans with four wires asks for, and above what people hear.
const FREQUENCY: f64 = 25_000.0;
const LONGEST_BOOST: Span = Span::from_millis(10_000);

#[derive(Deserialize)]
struct FanSettings {
    line: Option<LineRef>,
    chip: Option<String>,
    pwm: Option<PwmAddress>,
    #[serde(default)]
    active_low: bool,
    frequency: Option<f64>,
    #[serde(default)]
    minimum: f64,
    start_boost: Option<Span>,
    tachometer: Option<TachometerSettings>,
}

struct Plan {
    pwm: PwmSource,
    speeds: Speeds,
    start_boost: Duration,
    tachometer: Option<TachometerPlan>,
    safeguards: Safeguards<DutyPolicy>,
}

/// Which speeds a fan has.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Speeds {
    /// Full and none.
    OnOff,
    /// All from this one to 1, and none.
    From(f64),
}

struct Fan {
    pwm: PwmOutput,
    speeds: Speeds,
    start_boost: Duration,
    /// The speed that follows the start, and when.
    boost: Option<(f64, Instant)>,
    tachometer: Option<Tachometer>,
    policies: Policies<DutyPolicy>,
    fault: Option<Arc<str>>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, safety) = settings.read_both::<FanSettings, SafetySettings<DutyPolicy>>(mistakes)?;
    if !(0.0..=1.0).contains(&given.minimum) {
        settings.mistake("minimum", "minimum is from 0 to 1", mistakes);
        return None;
    }
    let start_boost = given.start_boost.unwrap_or(Span::from_millis(0));
    if start_boost > LONGEST_BOOST {
        settings.mistake("start_boost", format!("start_boost is at most {LONGEST_BOOST}"), mistakes);
        return None;
    }
    let source = Source::read(given.line, given.chip, given.pwm, settings, mistakes)?;
    let (period, speeds) = match (&source, given.frequency) {
        // A line without a PWM never leaves its first period, whatever that is.
        (Source::Line(_), None) => (Duration::from_secs(1), Speeds::OnOff),
        (_, frequency) => {
            let period = source.period(frequency.unwrap_or(FREQUENCY), settings, mistakes)?;
            (period, Speeds::From(given.minimum))
        }
    };
    let powers = if speeds == Speeds::OnOff { Powers::OnOff } else { Powers::All };
    safety.check_policies(&source, powers, settings, mistakes)?;
    let tachometer = match given.tachometer {
        Some(tachometer) => Some(tachometer.plan(settings, mistakes)?),
        None => None,
    };
    let safeguards = safety.checked(settings, mistakes)?;
    let polarity = Polarity::from_active_low(given.active_low);
    let pwm = PwmSource { role: "line", source, polarity, period };
    Some(Box::new(Plan { pwm, speeds, start_boost: start_boost.0, tachometer, safeguards }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        self.pwm.line().into_iter().chain(self.tachometer.iter().map(TachometerPlan::line)).collect()
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
        let rpm = self.tachometer.is_some().then_some(("rpm", "rpm"));
        rpm.into_iter().collect()
    }

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        let pwm = self.pwm.open(bench, self.safeguards.policies.on_stop)?;
        let tachometer = self.tachometer.as_ref().map(|plan| plan.open(bench)).transpose()?;
        Ok(Box::new(Fan {
            pwm,
            speeds: self.speeds,
            start_boost: self.start_boost,
            boost: None,
            tachometer,
            policies: self.safeguards.policies,
            fault: None,
        }))
    }
}

impl Fan {
    /// Takes a speed: with a boost where it stood still.
    fn run(&mut self, speed: f64, now: Instant) -> Result<(), HardwareError> {
        let speed = match self.speeds {
            Speeds::From(minimum) if speed < minimum => 0.0,
            _ => speed,
        };
        if speed == 0.0 {
            self.boost = None;
            return self.drive(0.0, now);
        }
        if let Some((after, _)) = &mut self.boost {
            *after = speed;
            return Ok(());
        }
        if self.pwm.duty() == 0.0 && speed < 1.0 && !self.start_boost.is_zero() {
            self.drive(1.0, now)?;
            self.boost = Some((speed, now + self.start_boost));
            return Ok(());
        }
        self.drive(speed, now)
    }

    fn drive(&mut self, duty: f64, now: Instant) -> Result<(), HardwareError> {
        let was_off = self.pwm.duty() == 0.0;
        let result = self.pwm.set(duty, now);
        let result = self.note(result);
        let is_off = self.is_off();
        if let Some(tachometer) = &mut self.tachometer {
            match (was_off, is_off) {
                (true, false) => tachometer.started(now),
                (_, true) => tachometer.stopped(now),
                (false, false) => {}
            }
        }
        result
    }

    /// Keeps an error as the state, and ends the boost.
    fn note(&mut self, result: Result<(), HardwareError>) -> Result<(), HardwareError> {
        self.fault = result.as_ref().err().map(|error| error.to_string().into());
        if result.is_err() {
            self.boost = None;
        }
        result
    }

    fn is_off(&self) -> bool {
        self.fault.is_none() && self.boost.is_none() && self.pwm.duty() == 0.0
    }

    fn value(&self, arguments: &Arguments) -> Result<f64, Refusal> {
        let value = actions::part_value(arguments)?;
        if self.speeds == Speeds::OnOff && value.fract() != 0.0 {
            return Err(Refusal::new(Code::BadValue, "this fan has no speeds: value is 0 or 1"));
        }
        Ok(value)
    }
}

impl Device for Fan {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let speed = match verb {
            "on" => arguments.none().map(|()| 1.0)?,
            "off" => arguments.none().map(|()| 0.0)?,
            "toggle" => arguments.none().map(|()| if self.is_off() { 1.0 } else { 0.0 })?,
            "set" => self.value(arguments)?,
            "read" => {
                arguments.none()?;
                let read = self.pwm.read();
                return Ok(self.note(read)?);
            }
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        };
        Ok(self.run(speed, now)?)
    }

    fn edge(&mut self, edge: Edge, _now: Instant) {
        if let Some(tachometer) = &mut self.tachometer {
            tachometer.edge(edge);
        }
    }

    fn check_set(&self, arguments: &Arguments, _range: (f64, f64)) -> Result<(), Refusal> {
        self.value(arguments).map(drop)
    }

    fn deadline(&self) -> Option<Instant> {
        let measured = self.tachometer.as_ref().and_then(Tachometer::deadline);
        let boosted = self.boost.map(|(_, due)| due);
        [self.pwm.deadline(), boosted, measured].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        let mut ticked = Ticked::Quiet;
        if let Some((speed, _)) = self.boost.take_if(|(_, due)| *due <= now) {
            // Its error is its state.
            let _ = self.drive(speed, now);
            ticked = Ticked::Changed;
        }
        let switched = self.pwm.tick(now);
        if switched.is_err() {
            let _ = self.note(switched);
            ticked = Ticked::Changed;
        }
        if self.tachometer.as_mut().is_some_and(|tachometer| tachometer.tick(now)) {
            ticked = Ticked::Changed;
        }
        ticked
    }

    fn activity(&self) -> Activity {
        if self.is_off() { Activity::Idle } else { Activity::Active }
    }

    fn observe(&self) -> Observation {
        let value = match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.pwm.duty()),
        };
        let event = match &value {
            Err(_) => "fault",
            Ok(_) if self.boost.is_some() => "starting",
            Ok(0.0) => "off",
            Ok(_) if self.tachometer.as_ref().is_some_and(Tachometer::is_stalled) => "stalled",
            Ok(_) => "on",
        };
        let fields =
            self.tachometer.iter().map(|tachometer| ("rpm", Datum::from(tachometer.rpm()))).collect();
        Observation { event, value, edge: None, fields }
    }

    fn secure(&mut self, occasion: Occasion, now: Instant) -> Result<(), HardwareError> {
        match self.policies.on(occasion) {
            DutyPolicy::Set(duty) if occasion == Occasion::Stop => {
                self.boost = None;
                self.drive(duty, now)
            }
            DutyPolicy::Set(duty) => self.run(duty, now),
            DutyPolicy::Hold => match self.boost.take_if(|_| occasion == Occasion::Stop) {
                // Nobody would end the boost any more.
                Some((speed, _)) => self.drive(speed, now),
                None => Ok(()),
            },
        }
    }
}
