//! `counter`: how many pulses a line had, and how many in a second.
//!
//! Edges are counted by their numbers, so that those which were dropped on their way count as well.  What nobody
//! counted is `lost`, and told.  However many edges come, a state is told once in an interval.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::actions::{self, READ};
use super::debounce::{InputPlan, InputSettings};
use crate::control::{Bench, Blueprint, Device, Kind, Observation, Ticked};
use crate::domain::{
    ActionSpec, Arguments, Code, Datum, EdgeStamp, LineAddress, Mistakes, ParameterSpec, Refusal, Settings,
    Span, Value, Wired,
};
use crate::hardware::{Edge, Edges, HardwareError, Input, InputRequest};

pub(super) static KIND: Kind = Kind {
    name: "counter",
    summary: "a counter of pulses: how many there were, and how many in a second",
    example: r#""line": "GPIO26",        // a name, or an offset on the chip
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"active_low": false,     // true when a pulse is a low level
"bias": "pull-down",     // as-is, disabled, pull-up or pull-down: what holds the line while nothing drives it
"edges": "active",       // active: the beginning of each pulse counts; both: its end counts as well
"debounce": "0s",        // after an edge that counts no other one does for so long, at most 1min
"window": "1s",          // the time over which edges in a second are counted, from interval to 1h
"interval": "1s",        // how often its state is told at most while it counts, 10ms to 1h"#,
    actions: ACTIONS,
    simulated_actions: SIMULATED,
    unit: Some("Hz"),
    range: (0.0, 1_000_000.0),
    read,
};

const ACTIONS: &[ActionSpec] =
    &[ActionSpec { name: "reset", summary: "counts from 0 again", parameters: &[] }, READ];

const SIMULATED: &[ActionSpec] = &[ActionSpec {
    name: "pulse",
    summary: "gives the simulated line pulses",
    parameters: &[ParameterSpec { name: "n", summary: "how many, 1 to 1000; default 1" }],
}];

const MOST_PULSES: u32 = 1000;
const INTERVAL: Span = Span::from_millis(1000);
const LEAST_INTERVAL: Span = Span::from_millis(10);
const LONGEST: Span = Span::from_millis(3_600_000);
/// So that what is kept of a window is bounded.
const MOST_SAMPLES: u32 = 1000;

#[derive(Deserialize)]
struct CounterSettings {
    #[serde(default)]
    edges: Counted,
    window: Option<Span>,
    interval: Option<Span>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Counted {
    #[default]
    Active,
    Both,
}

struct Plan {
    input: InputPlan,
    edges: Edges,
    window: Duration,
    interval: Duration,
}

struct Counter {
    input: Box<dyn Input>,
    /// How long after an edge that counted no other one does, where the backend does not see to that.
    guard: Duration,
    window: Duration,
    interval: Duration,
    /// The number and the time of the edge before, and the time of the last that counted.
    last: EdgeStamp,
    counted_ns: Option<u64>,
    count: Count,
    fault: Option<Arc<str>>,
    /// What the total was, at the beginning of the window and after.
    samples: VecDeque<(Instant, u64)>,
    /// When it next tells.
    due: Option<Instant>,
    told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Count {
    total: u64,
    /// How often edges may have been lost that are not in the total.
    lost: u64,
}

/// What is told until the next time.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    count: Count,
    /// Edges in a second.
    rate: f64,
    has_lost: bool,
    stamp: Option<EdgeStamp>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (input, given) = settings.read_both::<InputSettings, CounterSettings>(mistakes)?;
    let interval = given.interval.unwrap_or(INTERVAL);
    if interval < LEAST_INTERVAL || interval > LONGEST {
        settings.mistake("interval", format!("interval is from {LEAST_INTERVAL} to {LONGEST}"), mistakes);
        return None;
    }
    let window = given.window.unwrap_or(INTERVAL.max(interval));
    let longest = Span(interval.0 * MOST_SAMPLES).min(LONGEST);
    if window < interval || window > longest {
        let message = format!("window is from the interval ({interval}) to {longest}");
        settings.mistake("window", message, mistakes);
        return None;
    }
    let edges = match given.edges {
        Counted::Active => Edges::ToActive,
        Counted::Both => Edges::Both,
    };
    let input = input.plan(Span::from_millis(0), settings, mistakes)?;
    Some(Box::new(Plan { input, edges, window: window.0, interval: interval.0 }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        self.input.lines()
    }

    fn is_output(&self) -> bool {
        false
    }

    fn states(&self) -> Option<&'static [&'static str]> {
        Some(&["counting", "idle", "lost"])
    }

    fn numbers(&self) -> Option<&'static [&'static str]> {
        Some(&["total", "lost"])
    }
}

impl Blueprint for Plan {
    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        let InputPlan { role, address, polarity, bias, debounce } = &self.input;
        let request =
            InputRequest { debounce: debounce.0, edges: self.edges, ..InputRequest::new(*polarity, *bias) };
        let mut input = bench.input(role, address, request)?;
        input.read()?;
        let guard = if input.debounces() { Duration::ZERO } else { debounce.0 };
        Ok(Box::new(Counter {
            input,
            guard,
            window: self.window,
            interval: self.interval,
            last: EdgeStamp { ns: 0, sequence: Some(0) },
            counted_ns: None,
            count: Count::default(),
            fault: None,
            samples: VecDeque::new(),
            due: None,
            told: Told::default(),
        }))
    }
}

impl Counter {
    fn note(&mut self, edge: Edge) {
        let Some(sequence) = edge.sequence else {
            // Nobody knows how many there were; and a line that is gone tells so in the same way.
            self.count.lost += 1;
            self.fault = self.input.read().err().map(|error| error.to_string().into());
            return;
        };
        let edges = sequence.wrapping_sub(self.last.sequence.unwrap_or_default());
        if edges > u32::MAX / 2 {
            // An older one than the last.
            return;
        }
        let edges = u64::from(edges);
        self.last = edge.stamp();
        self.fault = None;
        if self.guard.is_zero() {
            self.count.total += edges;
        } else if edges > 0 {
            // Whether those in between have bounced only their times could tell.
            self.count.lost += edges - 1;
            let since = self.counted_ns.map(|counted| edge.timestamp_ns.saturating_sub(counted));
            if since.is_none_or(|since| u128::from(since) >= self.guard.as_nanos()) {
                self.count.total += 1;
                self.counted_ns = Some(edge.timestamp_ns);
            }
        }
    }

    /// Looks back over the window; true when there was something in it.
    fn look_back(&mut self, now: Instant) -> bool {
        self.samples.push_back((now, self.count.total));
        while self.samples.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= self.window) {
            self.samples.pop_front();
        }
        let (since, before) = self.samples.front().copied().unwrap_or((now, self.count.total));
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        let edges = self.count.total - before;
        self.told.rate = if seconds > 0.0 { edges as f64 / seconds } else { 0.0 };
        edges > 0
    }

    fn tell(&mut self) {
        self.told.has_lost = self.count.lost > self.told.count.lost;
        self.told.count = self.count;
        self.told.stamp = self.last.sequence.filter(|sequence| *sequence > 0).map(|_| self.last);
    }

    fn reset(&mut self) {
        self.count = Count::default();
        self.told = Told::default();
        self.samples.clear();
        self.due = None;
    }
}

impl Device for Counter {
    fn act(&mut self, verb: &str, arguments: &Arguments, _now: Instant) -> Result<(), Refusal> {
        match verb {
            "read" => {
                arguments.none()?;
                let read = self.input.read();
                self.fault = read.as_ref().err().map(|error| error.to_string().into());
                self.tell();
                read?;
            }
            "reset" => {
                arguments.none()?;
                self.reset();
            }
            "pulse" => {
                let mut argument = arguments.take();
                let n = argument.count("n")?.unwrap_or(1);
                argument.finish()?;
                if n > MOST_PULSES {
                    return Err(Refusal::new(Code::OutOfRange, format!("n is from 1 to {MOST_PULSES}")));
                }
                for _ in 0..n {
                    self.input.drive(Value::Active)?;
                    self.input.drive(Value::Inactive)?;
                }
            }
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        }
        Ok(())
    }

    fn edge(&mut self, edge: Edge, now: Instant) {
        if self.due.is_none() {
            self.due = Some(now + self.interval);
            self.samples.clear();
            self.samples.push_back((now, self.count.total));
        }
        self.note(edge);
    }

    fn deadline(&self) -> Option<Instant> {
        self.due
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        let Some(due) = self.due.take_if(|due| *due <= now) else { return Ticked::Quiet };
        let goes_on = self.look_back(now) || self.count != self.told.count;
        self.tell();
        if goes_on {
            let next = due + self.interval;
            self.due = Some(if next <= now { now + self.interval } else { next });
        }
        Ticked::Changed
    }

    fn observe(&self) -> Observation {
        let Told { count: Count { total, lost }, rate, has_lost, stamp } = self.told;
        let value = self.fault.clone().map_or(Ok(rate), Err);
        let event = match &value {
            Err(_) => "fault",
            Ok(_) if has_lost => "lost",
            Ok(rate) if *rate > 0.0 => "counting",
            Ok(_) => "idle",
        };
        let fields = vec![("total", Datum::from(total as f64)), ("lost", Datum::from(lost as f64))];
        Observation { event, value, edge: stamp, fields }
    }
}
