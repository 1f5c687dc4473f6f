//! A sensor as a device: it asks its bus for a reading again and again, and tells what came of it.
//!
//! One reading is under way at a time.  A sensor that can't be read is asked again after a second, and after twice as long
//! each time that fails as well, up to a minute.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Values;
use super::sampling::{Sampling, Window};
use super::settings::{Address, DeviceFile};
use crate::control::devices::actions;
use crate::control::{Activity, Asking, Bench, Blueprint, Device, Kind, Observation, Ticked};
use crate::domain::{
    ActionSpec, Arguments, Code, Datum, LineAddress, ParameterSpec, PartAddress, Refusal, Share, Span, Wired,
};
use crate::hardware::HardwareError;
use crate::hardware::buses::{BusError, Buses, Part, Probe, Readings};
use crate::hardware::sensors::{I2cDriver, OnI2c};

/// What can be done with a sensor that is simulated.
pub(super) const SIMULATE: ActionSpec = ActionSpec {
    name: "simulate",
    summary: "exposes the simulated sensor to a value, which it reads at once",
    parameters: &[ParameterSpec { name: "value", summary: "a number within the sensor's limits" }],
};

/// The shortest time from one reading to another that is asked for by `read`, and while a sensor is in trouble.
const LEAST_GAP: Duration = Duration::from_millis(100);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// A sensor as it is configured.
pub(super) struct Plan {
    pub(super) kind: &'static Kind,
    /// What it reads, the main value first.
    pub(super) values: Values,
    /// The name of its bus.
    pub(super) bus: String,
    /// Where it is, under the key of the setting that says so.
    pub(super) address: (&'static str, PartAddress),
    pub(super) probe: Box<dyn Fn() -> Box<dyn Probe> + Send>,
    pub(super) sampling: Sampling,
}

struct Sensor {
    kind: &'static Kind,
    asking: Asking,
    buses: Arc<dyn Buses>,
    place: String,
    /// What it measures, for the simulation.
    quantity: &'static str,
    sampling: Sampling,
    window: Window,
    /// When the last reading was asked for.
    asked: Instant,
    stage: Stage,
    /// How often it could not be read since it last could.
    failures: u32,
    /// When it was last read.
    read: Instant,
    told: Told,
}

/// What it waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A reading.
    UnderWay,
    /// A reading that is old when it comes: another one is wanted.
    Outdated,
    /// The time for the next one.
    Until(Instant),
}

/// What there is to tell.
enum Told {
    Nothing,
    Readings(Readings),
    Fault(Arc<str>),
    Stale(Arc<str>),
}

impl Plan {
    /// A part on an I2C bus, with what makes its driver.
    pub(super) fn on_i2c<D: I2cDriver + 'static>(
        kind: &'static Kind,
        values: Values,
        (bus, Address(address)): (DeviceFile, Address),
        (part, share): (Part, Share),
        driver: impl Fn() -> D + Send + 'static,
        sampling: Sampling,
    ) -> Box<dyn Blueprint> {
        Box::new(Plan {
            kind,
            values,
            bus: bus.bus().to_owned(),
            address: ("address", PartAddress { place: format!("{} address {address:#04x}", bus.0), share }),
            probe: Box::new(move || Box::new(OnI2c::new(bus.0.clone(), address, part, driver()))),
            sampling,
        })
    }
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        Vec::new()
    }

    fn is_output(&self) -> bool {
        false
    }

    fn part(&self) -> Option<(&'static str, PartAddress)> {
        Some(self.address.clone())
    }

    fn numbers(&self) -> Option<&'static [&'static str]> {
        Some(self.values.names)
    }
}

impl Blueprint for Plan {
    fn values(&self) -> Vec<(&'static str, &'static str)> {
        self.values.units.to_vec()
    }

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        // Nothing of it is opened here: a sensor that is not there keeps nothing else from starting.
        let asking = bench.sensor(&self.bus, (self.probe)());
        asking.ask();
        Ok(Box::new(Sensor {
            kind: self.kind,
            asking,
            buses: bench.buses(),
            place: self.address.1.place.clone(),
            quantity: self.values.names.first().copied().unwrap_or_default(),
            sampling: self.sampling.clone(),
            window: Window::default(),
            asked: bench.now(),
            stage: Stage::UnderWay,
            failures: 0,
            read: bench.now(),
            told: Told::Nothing,
        }))
    }
}

impl Sensor {
    fn ask(&mut self, now: Instant) {
        (self.stage, self.asked) = (Stage::UnderWay, now);
        self.asking.ask();
    }

    /// When the value is too old, unless it is none anyway.
    fn stale_at(&self) -> Option<Instant> {
        match self.told {
            Told::Nothing | Told::Readings(_) => Some(self.read + self.sampling.stale_after),
            Told::Fault(_) | Told::Stale(_) => None,
        }
    }

    /// The time from the last reading, which failed, to the next.
    fn retry(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(6);
        (FIRST_RETRY * 2_u32.pow(doublings)).min(LONGEST_RETRY)
    }

    fn expose(&mut self, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let mut argument = arguments.take();
        let (least, most) = self.kind.range;
        let value = argument.number("value", least, most)?;
        argument.finish()?;
        let value = value.ok_or_else(|| Refusal::new(Code::MissingKey, "argument value is missing"))?;
        if !self.buses.expose(&self.place, self.quantity, value) {
            return Err(HardwareError::NotSimulated.into());
        }
        match self.stage {
            Stage::Until(_) => self.ask(now),
            Stage::UnderWay | Stage::Outdated => self.stage = Stage::Outdated,
        }
        Ok(())
    }
}

impl Device for Sensor {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        match verb {
            "read" => {
                arguments.none()?;
                let gap = if self.failures == 0 { LEAST_GAP } else { FIRST_RETRY };
                if matches!(self.stage, Stage::Until(_)) && now >= self.asked + gap {
                    self.ask(now);
                }
                Ok(())
            }
            "simulate" if !self.kind.simulated_actions.is_empty() => self.expose(arguments, now),
            _ => Err(actions::unknown(verb, self.kind.name, self.kind.actions)),
        }
    }

    fn reading(&mut self, outcome: Result<Readings, BusError>, now: Instant) {
        let is_outdated = self.stage == Stage::Outdated;
        let taken = outcome
            .map_err(|BusError(text)| Arc::from(text))
            .and_then(|readings| self.sampling.take(readings, &mut self.window));
        let pause = match taken {
            Ok(readings) => {
                (self.told, self.read, self.failures) = (Told::Readings(readings), now, 0);
                self.sampling.interval
            }
            Err(error) => {
                self.told = Told::Fault(error);
                self.failures = self.failures.saturating_add(1);
                self.retry()
            }
        };
        // Counted from the question, so that slow readings are no rarer; never at once, so that others have a turn.
        let next = (self.asked + pause).max(now + LEAST_GAP.min(pause));
        self.stage = Stage::Until(next);
        if is_outdated {
            self.ask(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let next = match self.stage {
            Stage::Until(next) => Some(next),
            Stage::UnderWay | Stage::Outdated => None,
        };
        [next, self.stale_at()].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        if matches!(self.stage, Stage::Until(next) if next <= now) {
            self.ask(now);
        }
        if self.stale_at().is_none_or(|due| due > now) {
            return Ticked::Quiet;
        }
        let patience = Span(self.sampling.stale_after);
        self.told =
            Told::Stale(format!("nothing was read for {patience}: its bus does not come back").into());
        // What was read before a pause has nothing to do with what comes after it.
        self.window.clear();
        Ticked::Changed
    }

    fn activity(&self) -> Activity {
        Activity::Idle
    }

    fn observe(&self) -> Observation {
        let (event, value, readings) = match &self.told {
            Told::Nothing => ("stale", Err("nothing was read yet".into()), &[][..]),
            Told::Stale(error) => ("stale", Err(error.clone()), &[][..]),
            Told::Fault(error) => ("fault", Err(error.clone()), &[][..]),
            Told::Readings(readings) => {
                let main = readings.first().map_or(Err("nothing was read".into()), |(_, value)| Ok(*value));
                ("reading", main, &readings[..])
            }
        };
        let fields = readings.iter().map(|(name, value)| (*name, Datum::Number(*value))).collect();
        Observation { event, value, edge: None, fields }
    }
}
