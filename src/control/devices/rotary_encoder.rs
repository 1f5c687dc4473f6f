//! `rotary_encoder`: a knob that is turned step by step, and may be pressed.

use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;

use super::actions::{self, READ};
use super::debounce::InputPlan;
use super::press::{DEBOUNCE, Hold, Press};
use super::quadrature::Quadrature;
use crate::control::{Bench, Blueprint, Device, Kind, Observation, Ticked};
use crate::domain::{
    ActionSpec, Arguments, Bias, Code, Datum, EdgeStamp, LineAddress, LineRef, Mistakes, ParameterSpec,
    Polarity, Refusal, Settings, Span, Value, Wired,
};
use crate::hardware::{Edge, HardwareError, Input, InputRequest};

pub(super) static KIND: Kind = Kind {
    name: "rotary_encoder",
    summary: "a knob that is turned step by step, and may be pressed",
    example: r#""a": "GPIO7",            // the line that changes first when it is turned clockwise
"b": "GPIO21",           // the line that follows
"press": "GPIO4",        // the line of its push button; null for a knob that can't be pressed
"chip": null,            // their chip by path, name or label; null for hardware.chip, or to find them by name
"active_low": true,      // true when the contacts connect the lines to ground
"bias": "pull-up",       // as-is, disabled, pull-up or pull-down: what holds the lines while nothing drives them
"steps_per_detent": 4,   // how often its lines change from one rest to the next: 1, 2 or 4, as for most knobs
"max_steps": 16,         // steps are counted from -max_steps to max_steps, at most 1000000; 0: without end
"wrap": false,           // true: after max_steps comes -max_steps; false: it stays there
"debounce": "10ms",      // how long the push button's level has to stay before it counts, at most 1min
"hold_time": "1s",       // how long it has to be pressed to be held, at least 50ms
"hold_repeat": false,    // true to tell again after every further hold_time"#,
    actions: ACTIONS,
    simulated_actions: SIMULATED,
    unit: None,
    range: (-1.0, 1.0),
    read,
};

const ACTIONS: &[ActionSpec] =
    &[ActionSpec { name: "reset", summary: "counts its steps from 0 again", parameters: &[] }, READ];

const SIMULATED: &[ActionSpec] = &[
    ActionSpec {
        name: "rotate",
        summary: "turns the simulated knob",
        parameters: &[ParameterSpec {
            name: "steps",
            summary: "how many steps clockwise, or counter-clockwise where negative: -100 to 100; default 1",
        }],
    },
    ActionSpec { name: "press", summary: "presses the simulated knob", parameters: &[] },
    ActionSpec { name: "release", summary: "releases the simulated knob", parameters: &[] },
];

const MOST_STEPS: u32 = 1_000_000;
const MOST_ROTATED: f64 = 100.0;

#[derive(Deserialize)]
struct EncoderSettings {
    a: LineRef,
    b: LineRef,
    press: Option<LineRef>,
    chip: Option<String>,
    #[serde(default)]
    active_low: bool,
    #[serde(default)]
    bias: Bias,
    steps_per_detent: Option<u32>,
    max_steps: Option<u32>,
    #[serde(default)]
    wrap: bool,
    debounce: Option<Span>,
    hold_time: Option<Span>,
    #[serde(default)]
    hold_repeat: bool,
}

struct Plan {
    turning: [InputPlan; 2],
    press: Option<InputPlan>,
    hold: Hold,
    per_step: i32,
    limit: Limit,
}

/// How far steps are counted, and what comes then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limit {
    /// 0 for no end.
    max_steps: u32,
    wrap: bool,
}

struct Encoder {
    turning: [Turning; 2],
    quadrature: Quadrature,
    limit: Limit,
    steps: i64,
    press: Option<Press>,
    event: &'static str,
    stamp: Option<EdgeStamp>,
    fault: Option<Arc<str>>,
    /// It was turned by a command, so that edges may be on their way that are true no more.
    driven: bool,
}

/// One of the two lines that turning changes.
struct Turning {
    input: Box<dyn Input>,
    /// What its edges carry.
    number: usize,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let given: EncoderSettings = settings.read(mistakes)?;
    let per_step = match given.steps_per_detent.unwrap_or(4) {
        1 => 1,
        2 => 2,
        4 => 4,
        _ => {
            settings.mistake("steps_per_detent", "steps_per_detent is 1, 2 or 4", mistakes);
            return None;
        }
    };
    let limit = Limit { max_steps: given.max_steps.unwrap_or(16), wrap: given.wrap };
    if limit.max_steps > MOST_STEPS {
        settings.mistake("max_steps", format!("max_steps is at most {MOST_STEPS}"), mistakes);
        return None;
    }
    if limit.wrap && limit.max_steps == 0 {
        settings.mistake("wrap", "without max_steps there is nothing to wrap at", mistakes);
        return None;
    }
    let hold = Hold::read(given.hold_time, given.hold_repeat, settings, mistakes)?;
    let plan = |role, line, debounce| InputPlan {
        role,
        address: LineAddress { chip: given.chip.clone(), line },
        polarity: Polarity::from_active_low(given.active_low),
        bias: given.bias,
        debounce,
    };
    // What turns is not debounced: that would lose moves, and its states tell bouncing from moving.
    let turning = [plan("a", given.a, Span::from_millis(0)), plan("b", given.b, Span::from_millis(0))];
    let press = match given.press {
        Some(line) => {
            let press = plan("press", line, given.debounce.unwrap_or(DEBOUNCE));
            Some(press.checked(settings, mistakes)?)
        }
        None => None,
    };
    Some(Box::new(Plan { turning, press, hold, per_step, limit }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        self.turning.iter().chain(&self.press).flat_map(InputPlan::lines).collect()
    }

    fn is_output(&self) -> bool {
        false
    }

    fn states(&self) -> Option<&'static [&'static str]> {
        Some(&["still", "clockwise", "counter_clockwise", "pressed", "held", "released"])
    }

    fn numbers(&self) -> Option<&'static [&'static str]> {
        Some(&["steps", "holds"])
    }
}

impl Blueprint for Plan {
    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        let mut open = |plan: &InputPlan| {
            let number = bench.next_input();
            let request = InputRequest::new(plan.polarity, plan.bias);
            bench.input(plan.role, &plan.address, request).map(|input| Turning { input, number })
        };
        let [a, b] = &self.turning;
        let mut turning = [open(a)?, open(b)?];
        let lines = read_lines(&mut turning)?;
        let press = match &self.press {
            Some(press) => Some(Press::open(press, self.hold, bench)?),
            None => None,
        };
        Ok(Box::new(Encoder {
            turning,
            quadrature: Quadrature::new(lines, self.per_step),
            limit: self.limit,
            steps: 0,
            press,
            event: "still",
            stamp: None,
            fault: None,
            driven: false,
        }))
    }
}

fn read_lines(turning: &mut [Turning; 2]) -> Result<[Value; 2], HardwareError> {
    let [a, b] = turning;
    Ok([a.input.read()?, b.input.read()?])
}

impl Limit {
    /// The steps after one more in `direction`, 1 or -1.
    fn step(self, steps: i64, direction: i32) -> i64 {
        let (next, most) = (steps + i64::from(direction), i64::from(self.max_steps));
        match (most, self.wrap) {
            (0, _) => next,
            (_, false) => next.clamp(-most, most),
            (_, true) if next > most => -most,
            (_, true) if next < -most => most,
            (_, true) => next,
        }
    }

    /// The steps as a value from -1 to 1, as gpiozero has it: 0 where they have no end.
    fn value(self, steps: i64) -> f64 {
        if self.max_steps == 0 { 0.0 } else { steps as f64 / f64::from(self.max_steps) }
    }
}

impl Encoder {
    /// Takes note of what the lines that turn are.
    fn turn(&mut self, lines: [Value; 2], stamp: Option<EdgeStamp>) {
        let direction = self.quadrature.turn(lines);
        if direction != 0 {
            self.steps = self.limit.step(self.steps, direction);
            self.event = if direction > 0 { "clockwise" } else { "counter_clockwise" };
            self.stamp = stamp;
        }
    }

    /// Turns the simulated knob.
    fn rotate(&mut self, arguments: &Arguments) -> Result<(), Refusal> {
        let mut argument = arguments.take();
        let steps = argument.number("steps", -MOST_ROTATED, MOST_ROTATED)?.unwrap_or(1.0);
        argument.finish()?;
        if steps.fract() != 0.0 || steps == 0.0 {
            return Err(Refusal::new(Code::BadValue, "steps is a whole number, and not 0"));
        }
        let direction = if steps > 0.0 { 1 } else { -1 };
        // Whole and small.
        for _ in 0..steps.abs() as u32 {
            for lines in self.quadrature.path(direction) {
                for (turning, value) in self.turning.iter_mut().zip(lines) {
                    turning.input.drive(value)?;
                }
                self.driven = true;
                self.turn(lines, None);
            }
        }
        Ok(())
    }

    fn pressed(&mut self) {
        if let Some(press) = &self.press {
            (self.event, self.stamp) = (press.event(), press.edge_stamp());
        }
    }

    fn drive_press(&mut self, value: Value, now: Instant) -> Result<(), Refusal> {
        let Some(press) = &mut self.press else {
            return Err(Refusal::new(
                Code::NotSupported,
                "this knob can't be pressed: it has no line for it",
            ));
        };
        if press.drive(value, now)? {
            self.pressed();
        }
        Ok(())
    }

    fn read(&mut self, now: Instant) -> Result<(), HardwareError> {
        let read = read_lines(&mut self.turning);
        self.fault = read.as_ref().err().map(|error| error.to_string().into());
        self.turn(read?, None);
        let press = self.press.as_mut().map(|press| press.read(now));
        if press.transpose()? == Some(true) {
            self.pressed();
        }
        Ok(())
    }
}

impl Device for Encoder {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        if verb == "rotate" {
            return self.rotate(arguments);
        }
        if !matches!(verb, "read" | "reset" | "press" | "release") {
            return Err(actions::unknown(verb, KIND.name, KIND.actions));
        }
        arguments.none()?;
        match verb {
            "press" => self.drive_press(Value::Active, now),
            "release" => self.drive_press(Value::Inactive, now),
            "reset" => {
                (self.steps, self.event, self.stamp) = (0, "still", None);
                Ok(())
            }
            _ => Ok(self.read(now)?),
        }
    }

    fn edge(&mut self, edge: Edge, now: Instant) {
        let Some(place) = self.turning.iter().position(|turning| turning.number == edge.input) else {
            if self.press.as_mut().is_some_and(|press| press.edge(edge, now)) {
                self.pressed();
            }
            return;
        };
        // Who turns it by commands sees their order; an edge that still waits is older than the last one.
        let known = edge.value.filter(|_| !self.driven);
        match known.map_or_else(|| self.turning[place].input.read(), Ok) {
            Ok(value) => {
                self.fault = None;
                let mut lines = self.quadrature.lines();
                lines[place] = value;
                self.turn(lines, Some(edge.stamp()));
            }
            Err(error) => self.fault = Some(error.to_string().into()),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.press.as_ref().and_then(Press::deadline)
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        if self.press.as_mut().is_some_and(|press| press.tick(now)) {
            self.pressed();
            return Ticked::Changed;
        }
        Ticked::Quiet
    }

    fn observe(&self) -> Observation {
        let press = self.press.as_ref().map(|press| press.value().map(|value| (value, press.holds())));
        let fault = self.fault.clone().or_else(|| press.as_ref()?.as_ref().err().cloned());
        let mut fields = vec![("steps", Datum::from(self.steps as f64))];
        if let Some(Ok((value, holds))) = press {
            fields.push(("pressed", Datum::Bool(value.is_active())));
            fields.extend((holds > 0).then_some(("holds", Datum::from(f64::from(holds)))));
        }
        Observation {
            event: if fault.is_some() { "fault" } else { self.event },
            value: fault.map_or(Ok(self.limit.value(self.steps)), Err),
            edge: self.stamp,
            fields,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_end_or_wrap_at_their_limit() {
        let ends = Limit { max_steps: 2, wrap: false };
        let wraps = Limit { wrap: true, ..ends };
        assert_eq!([ends.step(2, 1), ends.step(-2, -1), ends.step(1, 1)], [2, -2, 2]);
        assert_eq!([wraps.step(2, 1), wraps.step(-2, -1), wraps.step(1, 1)], [-2, 2, 2]);
        let endless = Limit { max_steps: 0, wrap: false };
        assert_eq!((endless.step(9, 1), endless.value(9), ends.value(-1)), (10, 0.0, -0.5));
    }
}
