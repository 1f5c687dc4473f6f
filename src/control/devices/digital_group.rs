//! `digital_group`: several lines of one chip as one number, which changes as a whole.

use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;

use super::actions::{self, OFF, ON, READ, TOGGLE};
use super::safety::{self, Policies, Safeguards, SafetySettings};
use crate::control::{Beginning, Bench, Blueprint, Device, Guards, Kind, Observation, Occasion};
use crate::domain::{
    ActionSpec, Arguments, Code, Datum, LineAddress, LineRef, Mistakes, ParameterSpec, Polarity, Refusal,
    Settings, Value, Wired,
};
use crate::hardware::{HardwareError, Outputs, Start};

pub(super) static KIND: Kind = Kind {
    name: "digital_group",
    summary: "several lines of one chip as one number, which changes as a whole",
    example: r#""lines": ["GPIO0", "GPIO1"], // 2 to 32 lines of one chip; the first one is bit 0, worth 1
"chip": null,            // their chip by path, name or label; null for hardware.chip, or to find them by name
"active_low": false,     // true when low levels mean 1
"initial": "off",        // off, on (all), keep (as they are) or a number
"require_lease": false,  // true: nobody writes it without a lease on it
"max_on": null,          // "10ms" to "24h": it goes off when it was not 0 for so long; null: never
"on_stop": "off",        // hold, off, on (all) or a number: what it does when the daemon ends
"on_lease_lost": "hold", // the same for when a lease on it is lost
"on_link_lost": "hold",  // the same for when the connection that wrote it last has ended"#,
    actions: ACTIONS,
    simulated_actions: &[],
    unit: None,
    range: (0.0, u32::MAX as f64),
    read,
};

const ACTIONS: &[ActionSpec] = &[
    ON,
    OFF,
    TOGGLE,
    ActionSpec {
        name: "set",
        summary: "sets all lines at once",
        parameters: &[ParameterSpec {
            name: "value",
            summary: "a whole number, in which the first line is worth 1, the second 2, the third 4; ON: all, OFF: none",
        }],
    },
    READ,
];

/// The role of each line.
#[rustfmt::skip]
const BITS: [&str; 32] = [
    "bit0", "bit1", "bit2", "bit3", "bit4", "bit5", "bit6", "bit7",
    "bit8", "bit9", "bit10", "bit11", "bit12", "bit13", "bit14", "bit15",
    "bit16", "bit17", "bit18", "bit19", "bit20", "bit21", "bit22", "bit23",
    "bit24", "bit25", "bit26", "bit27", "bit28", "bit29", "bit30", "bit31",
];

#[derive(Deserialize)]
struct GroupSettings {
    lines: Vec<LineRef>,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    initial: Option<Given>,
}

/// A number of the group, or a word for one, as it is written.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"off\", \"on\", a whole number, or the word for leaving it as it is"
)]
enum Given {
    Word(Word),
    Number(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Off,
    On,
    Keep,
    Hold,
}

/// What the group does: nothing, or it takes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Hold,
    Take { bits: u32, all: u32 },
}

struct Plan {
    lines: Vec<LineAddress>,
    polarity: Polarity,
    initial: Policy,
    safeguards: Safeguards<Policy>,
}

struct Group {
    lines: Box<dyn Outputs>,
    count: usize,
    bits: Result<u32, Arc<str>>,
    policies: Policies<Policy>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, safety) = settings.read_both::<GroupSettings, SafetySettings<Option<Given>>>(mistakes)?;
    let count = given.lines.len();
    if !(2..=BITS.len()).contains(&count) {
        settings.mistake("lines", format!("a group has 2 to {} lines, not {count}", BITS.len()), mistakes);
        return None;
    }
    let all = all(count);
    let mut policy = |key, given: Option<Given>, default, leave| {
        let taken = |bits| Policy::Take { bits, all };
        match given.unwrap_or(Given::Word(default)) {
            Given::Word(Word::Off) => Some(taken(0)),
            Given::Word(Word::On) => Some(taken(all)),
            Given::Word(word) if word == leave => Some(Policy::Hold),
            Given::Number(bits) if bits <= all => Some(taken(bits)),
            Given::Word(_) | Given::Number(_) => {
                let word = if leave == Word::Keep { "keep" } else { "hold" };
                settings.mistake(
                    key,
                    format!("{key} is {word}, off, on, or a number from 0 to {all}"),
                    mistakes,
                );
                None
            }
        }
    };
    let initial = policy("initial", given.initial, Word::Off, Word::Keep);
    let on_stop = policy("on_stop", safety.on_stop, Word::Off, Word::Hold);
    let on_lease_lost = policy("on_lease_lost", safety.on_lease_lost, Word::Hold, Word::Hold);
    let on_link_lost = policy("on_link_lost", safety.on_link_lost, Word::Hold, Word::Hold);
    let protection = safety::protection(safety.require_lease, safety.max_on, settings, mistakes)?;
    let lines = given.lines.into_iter().map(|line| LineAddress { chip: given.chip.clone(), line });
    Some(Box::new(Plan {
        lines: lines.collect(),
        polarity: Polarity::from_active_low(given.active_low),
        initial: initial?,
        safeguards: Safeguards {
            protection,
            policies: Policies {
                on_stop: on_stop?,
                on_lease_lost: on_lease_lost?,
                on_link_lost: on_link_lost?,
            },
        },
    }))
}

/// The number in which every line of so many is active.
fn all(count: usize) -> u32 {
    (0..count).fold(0, |bits, bit| bits | 1 << bit)
}

fn values(bits: u32, count: usize) -> Vec<Value> {
    (0..count).map(|bit| Value::from_bool(bits >> bit & 1 == 1)).collect()
}

fn bits(values: &[Value]) -> u32 {
    values.iter().rev().fold(0, |bits, value| bits << 1 | u32::from(value.is_active()))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        BITS.into_iter().zip(self.lines.iter().cloned()).collect()
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
        let count = self.lines.len();
        let first = match bench.beginning() {
            Beginning::AsConfigured => self.initial,
            Beginning::Off => Policy::Take { bits: 0, all: all(count) },
            Beginning::On => self.safeguards.policies.on_stop,
        };
        let lines: Vec<_> =
            self.lines().into_iter().map(|(role, line)| (role, line, self.polarity)).collect();
        let lines = match first {
            Policy::Hold => bench.outputs(&lines, Start::Keep)?,
            Policy::Take { bits, .. } => bench.outputs(&lines, Start::Values(&values(bits, count)))?,
        };
        let mut group = Group { lines, count, bits: Ok(0), policies: self.safeguards.policies };
        group.read()?;
        Ok(Box::new(group))
    }
}

impl From<Policy> for Datum {
    fn from(policy: Policy) -> Datum {
        match policy {
            Policy::Hold => "hold".into(),
            Policy::Take { bits: 0, .. } => "off".into(),
            Policy::Take { bits, all } if bits == all => "on".into(),
            Policy::Take { bits, .. } => f64::from(bits).into(),
        }
    }
}

impl Group {
    fn set(&mut self, wanted: u32) -> Result<(), HardwareError> {
        let written = self.lines.write(&values(wanted, self.count)).and_then(|()| self.read());
        let error = match written {
            Ok(read) if read == wanted => return Ok(()),
            Ok(read) => HardwareError::ReadBack(format!("the lines read {read} after {wanted} was written")),
            Err(error) => error,
        };
        self.bits = Err(error.to_string().into());
        Err(error)
    }

    fn read(&mut self) -> Result<u32, HardwareError> {
        let read = self.lines.read().map(|values| bits(&values));
        self.bits = match &read {
            Ok(bits) => Ok(*bits),
            Err(error) => Err(error.to_string().into()),
        };
        read
    }

    /// The number that a `set` means.
    fn wanted(&self, arguments: &Arguments) -> Result<u32, Refusal> {
        let all = all(self.count);
        let mut argument = arguments.take();
        let given = argument.required("value")?;
        argument.finish()?;
        match given {
            Datum::Text(text) if text.eq_ignore_ascii_case("on") => return Ok(all),
            Datum::Text(text) if text.eq_ignore_ascii_case("off") => return Ok(0),
            _ => {}
        }
        match arguments.take().number("value", 0.0, f64::from(all))? {
            // In range and whole, so nothing is cut off.
            Some(value) if value.fract() == 0.0 => Ok(value as u32),
            _ => Err(Refusal::new(Code::BadValue, format!("value is a whole number, not {given:.32}"))),
        }
    }
}

impl Device for Group {
    fn act(&mut self, verb: &str, arguments: &Arguments, _now: Instant) -> Result<(), Refusal> {
        if verb == "set" {
            let wanted = self.wanted(arguments)?;
            return Ok(self.set(wanted)?);
        }
        if !matches!(verb, "on" | "off" | "toggle" | "read") {
            return Err(actions::unknown(verb, KIND.name, KIND.actions));
        }
        arguments.none()?;
        match verb {
            "on" => self.set(all(self.count))?,
            "off" => self.set(0)?,
            "toggle" => {
                let now = self.read()?;
                self.set(!now & all(self.count))?;
            }
            _ => drop(self.read()?),
        }
        Ok(())
    }

    fn check_set(&self, arguments: &Arguments, _range: (f64, f64)) -> Result<(), Refusal> {
        self.wanted(arguments).map(drop)
    }

    fn observe(&self) -> Observation {
        let event = match self.bits {
            Err(_) => "fault",
            Ok(0) => "off",
            Ok(_) => "on",
        };
        Observation { event, value: self.bits.clone().map(f64::from), edge: None, fields: Vec::new() }
    }

    fn secure(&mut self, occasion: Occasion, _now: Instant) -> Result<(), HardwareError> {
        match self.policies.on(occasion) {
            Policy::Hold => Ok(()),
            Policy::Take { bits, .. } => self.set(bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_lowest_bit() {
        let [off, on] = [Value::Inactive, Value::Active];
        assert_eq!(values(6, 4), [off, on, on, off]);
        assert_eq!(bits(&[on, off, off, on]), 9);
        assert_eq!([all(2), all(32), bits(&values(u32::MAX, 32))], [3, u32::MAX, u32::MAX]);
    }
}
