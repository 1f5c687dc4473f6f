//! `heater`: a heater, whose relay is switched by a PWM of seconds or minutes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::actions::{self, OFF, ON, READ};
use super::output_line::{Initial, OutputLine};
use super::safety::{Policies, RestPolicy, Safeguards, SafetySettings};
use crate::control::{Activity, Bench, Blueprint, Device, Guards, Kind, Observation, Occasion, Ticked};
use crate::domain::{
    ActionSpec, Arguments, Code, Datum, LineAddress, LineRef, Mistakes, ParameterSpec, Polarity, Refusal,
    Settings, Span, Value, Wired,
};
use crate::hardware::HardwareError;

pub(super) static KIND: Kind = Kind {
    name: "heater",
    summary: "a heater that is on for a part of the time",
    example: r#""line": "GPIO16",        // a name, or an offset on the chip
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"active_low": false,     // true when a low level switches it on
"period": "10s",         // 1s to 10min: it is on once in this time
"minimum_on": "0s",      // at most 10min: once on it stays on for so long, unless it is to be off; the period grows
"minimum_off": "0s",     // at most 10min: once off it stays off for so long; the period grows
"require_lease": false,  // true: nobody writes it without a lease on it
"max_on": null,          // "10ms" to "24h": it goes off when it was above 0 for so long, whoever forgot it; null: never
"on_stop": "off",        // off: what it does when the daemon ends
"on_lease_lost": "off",  // off or hold: what it does when a lease on it is lost
"on_link_lost": "off",   // off or hold: what it does when the connection that wrote it last has ended"#,
    actions: ACTIONS,
    simulated_actions: &[],
    unit: None,
    range: (0.0, 1.0),
    read,
};

const ACTIONS: &[ActionSpec] = &[
    ON,
    OFF,
    ActionSpec {
        name: "set",
        summary: "sets for which part of the time it is on",
        parameters: &[ParameterSpec {
            name: "value",
            summary: "0 (off), 0.001 to 0.999, or 1 (on); ON and OFF are understood as well",
        }],
    },
    READ,
];

const PERIODS: (Span, Span) = (Span::from_millis(1000), Span::from_millis(600_000));
const PERIOD: Span = Span::from_millis(10_000);
/// A smaller part, or a smaller rest, would make a period of days.
const LEAST_PART: f64 = 0.001;

#[derive(Deserialize)]
struct HeaterSettings {
    line: LineRef,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    period: Option<Span>,
    minimum_on: Option<Span>,
    minimum_off: Option<Span>,
}

/// Nobody would ever switch it off again.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OnStop {
    #[default]
    Off,
}

struct Plan {
    address: LineAddress,
    polarity: Polarity,
    rhythm: Rhythm,
    safeguards: Safeguards<RestPolicy>,
}

/// How long it is on and off in turn.
#[derive(Debug, Clone, Copy)]
struct Rhythm {
    period: Duration,
    minimum_on: Duration,
    minimum_off: Duration,
}

struct Heater {
    line: OutputLine,
    rhythm: Rhythm,
    policies: Policies<RestPolicy>,
    /// The part of the time that was asked for.
    part: f64,
    /// When the line went on or off last.
    switched: Option<Instant>,
    /// When it does so next.
    due: Option<Instant>,
    fault: Option<Arc<str>>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, safety) =
        settings.read_both::<HeaterSettings, SafetySettings<OnStop, RestPolicy>>(mistakes)?;
    let (least, most) = PERIODS;
    let period = given.period.unwrap_or(PERIOD);
    if period < least || period > most {
        settings.mistake("period", format!("period is from {least} to {most}"), mistakes);
        return None;
    }
    let nothing = Span::from_millis(0);
    let [minimum_on, minimum_off] =
        [given.minimum_on, given.minimum_off].map(|minimum| minimum.unwrap_or(nothing));
    for (key, minimum) in [("minimum_on", minimum_on), ("minimum_off", minimum_off)] {
        if minimum > most {
            settings.mistake(key, format!("{key} is at most {most}"), mistakes);
            return None;
        }
    }
    let safety = safety.with(|OnStop::Off| RestPolicy::Off, |given| given);
    Some(Box::new(Plan {
        address: LineAddress { chip: given.chip, line: given.line },
        polarity: Polarity::from_active_low(given.active_low),
        rhythm: Rhythm { period: period.0, minimum_on: minimum_on.0, minimum_off: minimum_off.0 },
        safeguards: safety.checked(settings, mistakes)?,
    }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        vec![("line", self.address.clone())]
    }
}

impl Blueprint for Plan {
    fn guards(&self) -> Guards {
        self.safeguards.told()
    }

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        Ok(Box::new(Heater {
            line: OutputLine::open(bench, "line", &self.address, self.polarity, Initial::Off)?,
            rhythm: self.rhythm,
            policies: self.safeguards.policies,
            part: 0.0,
            switched: None,
            due: None,
            fault: None,
        }))
    }
}

impl Rhythm {
    /// For how long it is on and then off.  Both grow until neither is below its minimum, so that the part stays what
    /// it is; without end where it is always one of them.
    fn times(&self, part: f64) -> (Option<Duration>, Option<Duration>) {
        if part >= 1.0 {
            return (None, Some(self.minimum_off));
        }
        if part <= 0.0 {
            return (Some(Duration::ZERO), None);
        }
        let period = self
            .period
            .as_secs_f64()
            .max(self.minimum_on.as_secs_f64() / part)
            .max(self.minimum_off.as_secs_f64() / (1.0 - part));
        let time = |part| Some(Duration::from_secs_f64(period * part));
        (time(part), time(1.0 - part))
    }
}

impl Heater {
    /// Takes another part of the time.  Off is off at once; everything else keeps to the rhythm.
    fn heat(&mut self, part: f64, now: Instant) -> Result<(), HardwareError> {
        let began = self.part == 0.0;
        self.part = part;
        if part == 0.0 {
            self.due = None;
            return self.switch(Value::Inactive, now);
        }
        let (on, off) = self.rhythm.times(part);
        let is_on = self.line.value() == Ok(Value::Active);
        let time = match (is_on, began) {
            (true, _) => on,
            // Who wants heat gets it as soon as the relay may.
            (false, true) => Some(self.rhythm.minimum_off),
            (false, false) => off,
        };
        self.due = time.map(|time| self.switched.map_or(now, |switched| (switched + time).max(now)));
        self.step(now)
    }

    /// Does what is due.
    fn step(&mut self, now: Instant) -> Result<(), HardwareError> {
        if self.due.is_none_or(|due| due > now) {
            return Ok(());
        }
        let (on, off) = self.rhythm.times(self.part);
        let was_on = self.line.value() == Ok(Value::Active);
        self.due = if was_on { off } else { on }.map(|time| now + time);
        self.switch(Value::from_bool(!was_on), now)
    }

    fn switch(&mut self, value: Value, now: Instant) -> Result<(), HardwareError> {
        if self.line.value() != Ok(value) {
            self.switched = Some(now);
        }
        let result = self.line.set(value);
        if result.is_err() {
            // Whatever is wrong with the line: ask it once more to be off.  The first error is the one to tell.
            let _ = self.line.set(Value::Inactive);
        }
        self.note(result)
    }

    /// Keeps an error as the state, and ends whatever was going on.
    fn note(&mut self, result: Result<(), HardwareError>) -> Result<(), HardwareError> {
        self.fault = result.as_ref().err().map(|error| error.to_string().into());
        if result.is_err() {
            self.due = None;
        }
        result
    }

    fn value(arguments: &Arguments) -> Result<f64, Refusal> {
        let part = actions::part_value(arguments)?;
        let whole = part.fract() == 0.0;
        if whole || (LEAST_PART..=1.0 - LEAST_PART).contains(&part) {
            return Ok(part);
        }
        let message = format!("value is 0, 0.001 to 0.999, or 1, not {part}");
        Err(Refusal::new(Code::OutOfRange, message))
    }
}

impl Device for Heater {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let part = match verb {
            "on" => arguments.none().map(|()| 1.0)?,
            "off" => arguments.none().map(|()| 0.0)?,
            "set" => Heater::value(arguments)?,
            "read" => {
                arguments.none()?;
                let read = self.line.read();
                if let (Ok(value), Some(_)) = (&read, &self.fault) {
                    // The rhythm has ended with the fault: it heats as the line says.
                    self.part = value.number();
                }
                return Ok(self.note(read.map(drop))?);
            }
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        };
        Ok(self.heat(part, now)?)
    }

    fn check_set(&self, arguments: &Arguments, _range: (f64, f64)) -> Result<(), Refusal> {
        Heater::value(arguments).map(drop)
    }

    fn deadline(&self) -> Option<Instant> {
        self.due
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        // Its error is its state.
        let _ = self.step(now);
        Ticked::Changed
    }

    fn activity(&self) -> Activity {
        if self.fault.is_none() && self.part == 0.0 { Activity::Idle } else { Activity::Active }
    }

    fn observe(&self) -> Observation {
        let value = match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.part),
        };
        let event = match &value {
            Err(_) => "fault",
            Ok(part) if *part > 0.0 => "on",
            Ok(_) => "off",
        };
        let heating = self.line.value() == Ok(Value::Active);
        Observation { event, value, edge: None, fields: vec![("heating", Datum::Bool(heating))] }
    }

    fn secure(&mut self, occasion: Occasion, now: Instant) -> Result<(), HardwareError> {
        match self.policies.on(occasion) {
            RestPolicy::Off => self.heat(0.0, now),
            RestPolicy::Hold => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_times_grow_until_neither_is_too_short() {
        let seconds = Duration::from_secs;
        let rhythm = Rhythm { period: seconds(10), minimum_on: seconds(5), minimum_off: seconds(2) };
        for (part, on, off) in [(0.5, 5, 5), (0.25, 5, 15), (0.9, 18, 2)] {
            assert_eq!(rhythm.times(part), (Some(seconds(on)), Some(seconds(off))), "{part}");
        }
    }
}
