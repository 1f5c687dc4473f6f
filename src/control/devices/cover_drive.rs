//! A cover on its way: it runs for as long as it takes, and whatever tells it to stop does so at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::actions;
use super::bridge::Drive;
use super::cover::{ACTIONS, Plan, Policy};
use super::debounce::{Debounced, InputPlan};
use super::opposed::{Motion, Opposed};
use super::safety::Policies;
use super::travel::{CLOSED, Direction, OPEN, Travel};
use crate::control::{Activity, Bench, Device, Observation, Occasion, Ticked};
use crate::domain::{Action, Arguments, Code, Datum, Refusal, Value};
use crate::hardware::{Edge, HardwareError};

/// A cover on the hardware thread.
pub(super) struct Cover {
    lines: Opposed,
    travel: Travel,
    open_end: Option<Debounced>,
    closed_end: Option<Debounced>,
    obstruction: Option<Debounced>,
    policies: Policies<Policy>,
    journey: Option<Journey>,
    /// Which way it went last: what gets in the way of a cover at rest is taken to stand there.
    last: Direction,
    /// The way that something is in.
    blocked: Option<Direction>,
    /// Why its position is not known, where it is not.
    unknown: &'static str,
    /// It could not be stopped, and this is when that is tried again.
    again: Option<Instant>,
}

/// Where it goes.
#[derive(Debug, Clone, Copy)]
struct Journey {
    target: f64,
    direction: Direction,
    /// When it is to stop, and when it next tells where it is; nothing before it has rested for the dead time.
    due: Option<(Instant, Instant)>,
}

/// How often it tells where it is while it moves.
const TELLING: Duration = Duration::from_secs(1);
/// How long is waited before a cover that can't be stopped is tried again.
const AGAIN: Duration = Duration::from_secs(1);

impl Cover {
    /// Takes its lines; it rests, at an end where an end stop says so, else nobody knows where.
    pub(super) fn build(plan: &Plan, bench: &mut Bench<'_>) -> Result<Cover, HardwareError> {
        let lines = Opposed::open(&plan.lines, None, plan.dead_time, bench)?;
        let mut open = |input: &Option<InputPlan>| input.as_ref().map(|input| input.open(bench)).transpose();
        let mut cover = Cover {
            lines,
            travel: Travel::new(plan.times),
            open_end: open(&plan.open_end)?,
            closed_end: open(&plan.closed_end)?,
            obstruction: open(&plan.obstruction)?,
            policies: plan.safeguards.policies,
            journey: None,
            last: Direction::Closing,
            blocked: None,
            unknown: "where it is will be known when it has been at an end",
            again: None,
        };
        cover.look_ahead();
        if let Some(end) = cover.arrived() {
            cover.travel.is_at(end);
        }
        Ok(cover)
    }

    /// Sends it to a position.
    fn go(&mut self, target: f64, now: Instant) -> Result<(), Refusal> {
        if let Some(fault) = self.input_fault() {
            return Err(Refusal::new(Code::DeviceFault, fault.to_string()));
        }
        self.travel.advance(now);
        let Some(direction) = self.travel.direction_to(target) else {
            if self.travel.position().is_none() {
                let message = format!("{}: open or close it first", self.unknown);
                return Err(Refusal::new(Code::NotSupported, message));
            }
            return Ok(self.halt(now)?);
        };
        if self.blocked == Some(direction) {
            return Err(Refusal::new(
                Code::Obstructed,
                "something is in the way: clear it, or go the other way",
            ));
        }
        if self.end(direction).is_some_and(is_active) {
            // It is there, whatever time says.
            self.halt(now)?;
            self.travel.is_at(direction.end());
            return Ok(());
        }
        let drive = match direction {
            Direction::Opening => Drive::Forward,
            Direction::Closing => Drive::Backward,
        };
        let gone = self.drive(Motion::full(drive), now);
        self.travel.stop(now);
        self.note(gone, now)?;
        self.last = direction;
        self.journey = Some(Journey { target, direction, due: None });
        if self.lines.next().is_none() {
            self.run(now);
        }
        Ok(())
    }

    /// Its lines drive it from now on.
    fn run(&mut self, now: Instant) {
        if let Some(Journey { target, direction, due }) = &mut self.journey {
            *due = Some((now + self.travel.time_to(*target, *direction), now + TELLING));
            self.travel.start(*direction, now);
        }
    }

    /// What reads back as something else is a fault as well: nobody knows what it does.
    fn drive(&mut self, motion: Motion, now: Instant) -> Result<(), HardwareError> {
        self.lines.go(motion, now).inspect_err(|error| self.lines.fail(error))
    }

    fn halt(&mut self, now: Instant) -> Result<(), HardwareError> {
        let halted = self.drive(Motion::STOPPED, now);
        self.travel.stop(now);
        self.journey = None;
        self.note(halted, now)
    }

    /// Its time is over: it is where it was sent, unless an end stop there says otherwise.
    fn arrive(&mut self, journey: Journey, now: Instant) -> Result<(), HardwareError> {
        self.halt(now)?;
        if journey.target != journey.direction.end() {
            return Ok(());
        }
        if self.end(journey.direction).is_some() {
            self.travel.forget();
            self.unknown = "it did not come to its end stop in time";
        } else {
            self.travel.is_at(journey.target);
        }
        Ok(())
    }

    /// What can't be driven can't be trusted to rest.
    fn note(&mut self, driven: Result<(), HardwareError>, now: Instant) -> Result<(), HardwareError> {
        self.again = driven.is_err().then(|| now + AGAIN);
        if driven.is_err() {
            self.journey = None;
            self.travel.forget();
            self.unknown = "nobody knows where it went in a fault";
        }
        driven
    }

    /// Does what its inputs say now.
    fn heed_inputs(&mut self, now: Instant) {
        let arrived = self.arrived();
        let stops = self.look_ahead() || self.input_fault().is_some() || arrived.is_some();
        if stops && self.journey.is_some() {
            // What did not work is told by its state, and tried again.
            let _ = self.halt(now);
        }
        if let Some(end) = arrived.filter(|_| self.again.is_none()) {
            self.travel.is_at(end);
        }
    }

    /// The end at which an end stop says that it is; one that it is about to leave does not count.
    fn arrived(&self) -> Option<f64> {
        let leaves = |direction| self.journey.is_some_and(|journey| journey.direction != direction);
        let is_there = |direction| self.end(direction).is_some_and(is_active) && !leaves(direction);
        [Direction::Opening, Direction::Closing].into_iter().find(|end| is_there(*end)).map(Direction::end)
    }

    /// Takes note of what is in its way; true when that is new.
    fn look_ahead(&mut self) -> bool {
        let is_obstructed = self.obstruction.as_ref().is_some_and(is_active);
        let was_obstructed = self.blocked.is_some();
        if is_obstructed && !was_obstructed {
            self.blocked = Some(self.journey.map_or(self.last, |journey| journey.direction));
        } else if !is_obstructed {
            self.blocked = None;
        }
        is_obstructed && !was_obstructed
    }

    fn end(&self, direction: Direction) -> Option<&Debounced> {
        match direction {
            Direction::Opening => self.open_end.as_ref(),
            Direction::Closing => self.closed_end.as_ref(),
        }
    }

    fn inputs(&mut self) -> impl Iterator<Item = &mut Debounced> {
        [&mut self.open_end, &mut self.closed_end, &mut self.obstruction].into_iter().flatten()
    }

    fn input_fault(&self) -> Option<Arc<str>> {
        let inputs = [&self.open_end, &self.closed_end, &self.obstruction].into_iter().flatten();
        inputs.filter_map(|input| input.value().err()).next()
    }

    fn obstruct(&mut self, value: Value, now: Instant) -> Result<(), Refusal> {
        let Some(input) = &mut self.obstruction else {
            return Err(Refusal::new(Code::NotSupported, "it has no sensor for what is in its way"));
        };
        input.drive(value)?;
        self.heed_inputs(now);
        Ok(())
    }

    fn read(&mut self, now: Instant) -> Result<(), HardwareError> {
        self.travel.advance(now);
        self.lines.read()?;
        for input in self.inputs() {
            input.read()?;
        }
        Ok(())
    }
}

fn is_active(input: &Debounced) -> bool {
    input.value() == Ok(Value::Active)
}

impl Device for Cover {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        if verb == "set" {
            let mut argument = arguments.take();
            let value = argument.number("value", CLOSED, OPEN)?;
            argument.finish()?;
            let target = value.ok_or_else(|| Refusal::new(Code::MissingKey, "argument value is missing"))?;
            return self.go(target, now);
        }
        if !matches!(verb, "open" | "close" | "stop" | "off" | "read" | "obstruct" | "clear") {
            return Err(actions::unknown(verb, "cover", ACTIONS));
        }
        arguments.none()?;
        match verb {
            "open" => self.go(OPEN, now),
            "close" => self.go(CLOSED, now),
            "obstruct" => self.obstruct(Value::Active, now),
            "clear" => self.obstruct(Value::Inactive, now),
            "read" => {
                let read = self.read(now);
                self.heed_inputs(now);
                Ok(read?)
            }
            _ => Ok(self.halt(now)?),
        }
    }

    fn edge(&mut self, edge: Edge, now: Instant) {
        let mut changed = false;
        for input in self.inputs() {
            changed |= input.edge(edge, now);
        }
        if changed {
            self.heed_inputs(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let journey = self.journey.and_then(|journey| journey.due).map(|(stop, tell)| stop.min(tell));
        [self.again, self.lines.deadline(), journey].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        if self.again.is_some_and(|again| again <= now) {
            // What does not work is told by its state, and tried again; so it is below.
            let _ = self.halt(now);
        }
        match self.lines.tick(now) {
            Ok(true) => self.run(now),
            Ok(false) => {}
            Err(error) => drop(self.note(Err(error), now)),
        }
        if let Some((journey, (stop, tell))) = self.journey.and_then(|journey| Some((journey, journey.due?)))
        {
            self.travel.advance(now);
            if stop <= now {
                let _ = self.arrive(journey, now);
            } else if tell <= now {
                self.journey = Some(Journey { due: Some((stop, now + TELLING)), ..journey });
            }
        }
        Ticked::Changed
    }

    /// To set it to 0 is to close it, and no way to switch it off.
    fn is_off(&self, action: &Action) -> bool {
        action.verb != "set" && action.is_off()
    }

    fn activity(&self) -> Activity {
        let is_off = self.lines.drive() == Ok(Drive::Stopped) && self.lines.next().is_none();
        if is_off { Activity::Idle } else { Activity::Active }
    }

    fn observe(&self) -> Observation {
        let fault = self.lines.drive().err().or_else(|| self.input_fault());
        let position = self.travel.position().map(f64::round);
        let event = match (&fault, self.journey) {
            (Some(_), _) => "fault",
            (None, Some(Journey { due: None, .. })) => "reversing",
            (None, Some(Journey { direction: Direction::Opening, .. })) => "opening",
            (None, Some(Journey { direction: Direction::Closing, .. })) => "closing",
            (None, None) if self.blocked.is_some() => "obstructed",
            (None, None) if position == Some(OPEN) => "open",
            (None, None) if position == Some(CLOSED) => "closed",
            (None, None) => "stopped",
        };
        let value = match fault {
            Some(fault) => Err(fault),
            None => position.ok_or_else(|| self.unknown.into()),
        };
        let target = self.journey.map(|journey| ("target", Datum::from(journey.target)));
        let obstructed = self.blocked.map(|_| ("obstructed", Datum::Bool(true)));
        Observation { event, value, edge: None, fields: target.into_iter().chain(obstructed).collect() }
    }

    fn secure(&mut self, occasion: Occasion, now: Instant) -> Result<(), HardwareError> {
        match self.policies.on(occasion) {
            Policy::Hold => Ok(()),
            Policy::Off => self.halt(now),
        }
    }
}
