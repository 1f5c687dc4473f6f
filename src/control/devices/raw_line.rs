//! `raw_line`: a line that programs use as they like, as an input, an output or with a PWM.
//!
//! It is taken when somebody configures it and given back when nobody uses it any more.  A line has one holder, so
//! what it was is given up before it is taken as something else.

mod output;
mod wanted;

use std::time::{Duration, Instant};

use serde::Deserialize;

use self::output::Output;
use self::wanted::{InputSettings, Wanted};
use super::actions::{self, OFF, ON, READ, TOGGLE};
use super::debounce::Debounced;
use super::output_line::OutputLine;
use super::safety::{Policies, Safeguards, SafetySettings};
use super::signal::SIMULATED;
use crate::control::{
    Activity, Beginning, Bench, Blueprint, Device, Guards, Kind, Observation, Occasion, Ticked, Wiring,
};
use crate::domain::{
    Action, ActionSpec, Arguments, Bias, Code, Datum, LineAddress, LineRef, Mistakes, ParameterSpec,
    Polarity, Refusal, Settings, Value, Wired,
};
use crate::hardware::{Edge, Edges, HardwareError, Input, InputRequest, Line, Start};

pub(super) static KIND: Kind = Kind {
    name: "raw_line",
    summary: "a line that programs use as they like: as an input, an output or with a PWM",
    example: r#""line": "GPIO2",         // a name, or an offset on the chip; the section raw_lines is shorter for many
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"require_lease": false,  // true: nobody configures or writes it without a lease on it
"max_on": null,          // "10ms" to "24h": an output goes low when it was high for so long; null: never
"on_stop": "release",    // the line is given back when the daemon ends
"on_lease_lost": "release", // release or hold: what it does when a lease on it is lost
"on_link_lost": "release",  // the same for when the connection that wrote it last has ended"#,
    actions: ACTIONS,
    simulated_actions: SIMULATED,
    unit: None,
    range: (0.0, 1.0),
    read,
};

const ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "configure",
        summary: "makes it an input or an output, or unused",
        parameters: &[
            ParameterSpec { name: "function", summary: "input, output or none" },
            ParameterSpec {
                name: "pull",
                summary: "of an input: up, down or floating, which it is without it",
            },
            ParameterSpec {
                name: "debounce",
                summary: "of an input: how long a level has to stay before it counts, at most 1min; default 0s",
            },
            ParameterSpec {
                name: "value",
                summary: "of an output: 0 or 1 at first; default 0, or what it is where it is one already",
            },
        ],
    },
    ON,
    OFF,
    TOGGLE,
    ActionSpec {
        name: "set",
        summary: "makes an output low or high, or takes another duty",
        parameters: &[ParameterSpec {
            name: "value",
            summary: "0 or 1, with a PWM 0 to 1; ON and OFF are understood as well",
        }],
    },
    ActionSpec {
        name: "pwm",
        summary: "gives an output a PWM, until it is configured anew",
        parameters: &[
            ParameterSpec {
                name: "frequency",
                summary: "10 to 1000 Hz; without it the one that it has already",
            },
            ParameterSpec { name: "value", summary: "0 to 1; without it what it is" },
        ],
    },
    ActionSpec { name: "release", summary: "gives the line back, as configure with none", parameters: &[] },
    READ,
];

#[derive(Deserialize)]
struct RawLineSettings {
    line: LineRef,
    chip: Option<String>,
}

/// What it does when it is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    /// Nobody uses it any more.
    #[default]
    Release,
    /// It goes on.
    Hold,
}

/// When the daemon ends nobody is there to hold a line.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OnStop {
    #[default]
    Release,
}

struct Plan {
    address: LineAddress,
    safeguards: Safeguards<Policy>,
}

struct RawLine {
    line: Line,
    /// The numbers of its edges: the first is that of an input that it has.  The other one belonged to the input
    /// before, of which an edge may still be on its way when the next one is there.
    numbers: [usize; 2],
    function: Function,
    /// What it is to be from now on.
    wanted: Option<Wanted>,
    policies: Policies<Policy>,
}

/// What it is.
enum Function {
    Unused,
    Input { line: Debounced, settings: InputSettings },
    Output(Output),
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, safety) = settings.read_both::<RawLineSettings, SafetySettings<OnStop, Policy>>(mistakes)?;
    let safety = safety.with(|OnStop::Release| Policy::Release, |given| given);
    Some(Box::new(Plan {
        address: LineAddress { chip: given.chip, line: given.line },
        safeguards: safety.checked(settings, mistakes)?,
    }))
}

impl From<Policy> for Datum {
    fn from(policy: Policy) -> Datum {
        Datum::from(match policy {
            Policy::Release => "release",
            Policy::Hold => "hold",
        })
    }
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        vec![("line", self.address.clone())]
    }

    fn states(&self) -> Option<&'static [&'static str]> {
        Some(&["unused", "low", "high", "pwm"])
    }
}

impl Blueprint for Plan {
    fn guards(&self) -> Guards {
        self.safeguards.told()
    }

    /// Takes nothing, but for a daemon that has died and may have left the line driven.
    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        if bench.beginning() != Beginning::AsConfigured {
            floated(bench.input("line", &self.address, FLOATING))?;
        }
        let line = bench.locate("line", &self.address)?;
        let numbers = [bench.reserve_input(), bench.reserve_input()];
        let policies = self.safeguards.policies;
        Ok(Box::new(RawLine { line, numbers, function: Function::Unused, wanted: None, policies }))
    }
}

impl RawLine {
    /// The output that it has to be for this.
    fn output(&mut self) -> Result<&mut Output, Refusal> {
        match &mut self.function {
            Function::Output(output) => Ok(output),
            _ => Err(Refusal::new(Code::NotSupported, "it is no output: configure it with function=output")),
        }
    }

    /// What becomes of it when it has been given up as what it was.
    fn become_wanted(&mut self, wanted: Wanted, wiring: &mut Wiring<'_>) -> Result<Function, HardwareError> {
        Ok(match wanted {
            Wanted::Unused => Function::Unused,
            Wanted::Input(settings) => {
                self.numbers.reverse();
                let InputSettings { pull, debounce } = settings;
                let request = InputRequest { debounce, ..InputRequest::new(Polarity::ActiveHigh, pull) };
                let input = wiring.input(&self.line, request, self.numbers[0])?;
                Function::Input { line: Debounced::new(input, self.numbers[0], debounce)?, settings }
            }
            Wanted::Output(value) => {
                let start = [value.unwrap_or(Value::Inactive)];
                let outputs = wiring.output(&self.line, Polarity::ActiveHigh, Start::Values(&start))?;
                Function::Output(Output::new(OutputLine::new(outputs)?))
            }
        })
    }

    /// Makes a driven line float: some boards keep the level of a line that nobody holds.
    fn float(&mut self, wiring: &mut Wiring<'_>) -> Result<(), HardwareError> {
        self.numbers.reverse();
        floated(wiring.input(&self.line, FLOATING, self.numbers[0]))
    }

    fn drive(&mut self, value: Value) -> Result<(), Refusal> {
        match &mut self.function {
            Function::Input { line, .. } => Ok(line.drive(value).map(drop)?),
            _ => Err(Refusal::new(Code::NotSupported, "it is no input: configure it with function=input")),
        }
    }
}

/// What came of making a line float; where it did, it is given back.
fn floated(taken: Result<Box<dyn Input>, HardwareError>) -> Result<(), HardwareError> {
    match taken {
        // A chip without interrupts has no inputs here; then low is all that can be done.
        Ok(_) | Err(HardwareError::Unsupported(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// An input of which nobody wants anything.
const FLOATING: InputRequest = InputRequest {
    polarity: Polarity::ActiveHigh,
    bias: Bias::AsIs,
    debounce: Duration::ZERO,
    edges: Edges::Both,
};

impl Device for RawLine {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        match verb {
            "configure" => match (Wanted::read(arguments)?, &mut self.function) {
                (Wanted::Output(value), Function::Output(output)) => output.steady(value, now),
                (Wanted::Input(wanted), Function::Input { settings, .. }) if wanted == *settings => Ok(()),
                (wanted, _) => {
                    self.wanted = Some(wanted);
                    Ok(())
                }
            },
            "release" => {
                arguments.none()?;
                self.wanted = Some(Wanted::Unused);
                Ok(())
            }
            "on" => arguments.none().and_then(|()| self.output()?.set(1.0, now)),
            "off" => arguments.none().and_then(|()| self.output()?.set(0.0, now)),
            "toggle" => arguments.none().and_then(|()| self.output()?.toggle(now)),
            "set" => self.output()?.set_to(arguments, now),
            "pwm" => self.output()?.modulate(arguments, now),
            "activate" | "deactivate" => {
                arguments.none()?;
                self.drive(Value::from_bool(verb == "activate"))
            }
            "read" => {
                arguments.none()?;
                match &mut self.function {
                    Function::Unused => Ok(()),
                    Function::Input { line, .. } => Ok(line.read().map(drop)?),
                    Function::Output(output) => output.read(),
                }
            }
            _ => Err(actions::unknown(verb, KIND.name, ACTIONS)),
        }
    }

    fn rewire(&mut self, wiring: &mut Wiring<'_>, now: Instant) -> Result<(), Refusal> {
        let Some(wanted) = self.wanted.take() else { return Ok(()) };
        let was_driven = match &mut self.function {
            Function::Output(output) => {
                // Where this fails it floats a moment later all the same.
                let _ = output.set(0.0, now);
                true
            }
            _ => false,
        };
        self.function = Function::Unused;
        let floated = if was_driven && wanted == Wanted::Unused { self.float(wiring) } else { Ok(()) };
        let rewired = floated.and_then(|()| self.become_wanted(wanted, wiring));
        self.function = rewired.map_err(|error| {
            let Refusal { code, message } = Refusal::from(error);
            Refusal::new(code, format!("{message}; the line is unused now"))
        })?;
        Ok(())
    }

    fn is_off(&self, action: &Action) -> bool {
        match action.verb.as_str() {
            "release" => true,
            // What can't be read is refused for that.
            "configure" => Wanted::read(&action.arguments) != Ok(Wanted::Output(Some(Value::Active))),
            _ => action.is_off(),
        }
    }

    fn edge(&mut self, edge: Edge, now: Instant) {
        if let Function::Input { line, .. } = &mut self.function {
            line.edge(edge, now);
        }
    }

    fn check_set(&self, arguments: &Arguments, _range: (f64, f64)) -> Result<(), Refusal> {
        actions::part_value(arguments).map(drop)
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.function {
            Function::Unused => None,
            Function::Input { line, .. } => line.deadline(),
            Function::Output(output) => output.deadline(),
        }
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        match &mut self.function {
            Function::Unused => Ticked::Quiet,
            Function::Input { line, .. } => {
                if line.tick(now) {
                    Ticked::Changed
                } else {
                    Ticked::Quiet
                }
            }
            Function::Output(output) => output.tick(now),
        }
    }

    fn activity(&self) -> Activity {
        match &self.function {
            Function::Output(output) if output.value() != Ok(0.0) => Activity::Active,
            _ => Activity::Idle,
        }
    }

    fn observe(&self) -> Observation {
        match &self.function {
            Function::Unused => Observation {
                event: "unused",
                value: Err("nobody uses the line".into()),
                edge: None,
                fields: vec![("function", "none".into())],
            },
            Function::Input { line, settings } => Observation {
                event: match line.value() {
                    Ok(Value::Inactive) => "low",
                    Ok(Value::Active) => "high",
                    Err(_) => "fault",
                },
                value: line.value().map(Value::number),
                edge: line.edge_stamp(),
                fields: settings.fields(),
            },
            Function::Output(output) => Observation {
                event: output.event(),
                value: output.value(),
                edge: None,
                fields: output.fields(),
            },
        }
    }

    fn secure(&mut self, occasion: Occasion, _now: Instant) -> Result<(), HardwareError> {
        let is_used = !matches!(self.function, Function::Unused);
        if is_used && self.policies.on(occasion) == Policy::Release {
            self.wanted = Some(Wanted::Unused);
        }
        Ok(())
    }
}
