//! One bus without its thread: which sensors were asked for, and the one whose reading is under way.
//!
//! A bus makes one reading at a time, from its first transfer to its last: two that share a part, such as two channels of
//! one converter, never come in between each other.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::{BusError, Buses};

/// What a reading has brought: names with values, the main one first.
pub type Readings = Vec<(&'static str, f64)>;

/// How one sensor is read, on the thread of its bus.
pub trait Probe: Send {
    /// Does the next transfers of a reading.  After an error, as after the end, the next step begins a new one.
    fn step(&mut self, buses: &dyn Buses) -> Result<Step, BusError>;
}

/// How far a reading is.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The part needs so much time until the next step.
    Wait(Duration),
    /// This is what it reads.
    Done(Readings),
}

/// What came of a reading that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The number of the sensor.
    pub sensor: usize,
    /// What it reads, or why it was not read.
    pub outcome: Result<Readings, BusError>,
}

/// A sensor: the name of its bus, its number, and how it is read.
pub type Placed = (String, usize, Box<dyn Probe>);

/// The sensors of one bus.
#[derive(Default)]
pub struct Bus {
    probes: HashMap<usize, Box<dyn Probe>>,
    /// In the order in which they were asked for, each once.
    asked: VecDeque<usize>,
    under_way: Option<UnderWay>,
}

struct UnderWay {
    sensor: usize,
    due: Instant,
}

impl Bus {
    /// The buses of these sensors, by their names.
    pub fn all(placed: Vec<Placed>) -> BTreeMap<String, Bus> {
        let mut buses: BTreeMap<String, Bus> = BTreeMap::new();
        for (name, sensor, probe) in placed {
            buses.entry(name).or_default().probes.insert(sensor, probe);
        }
        buses
    }

    /// The numbers of its sensors.
    pub fn sensors(&self) -> impl Iterator<Item = usize> {
        self.probes.keys().copied()
    }

    /// Asks for a reading of a sensor.  One that waits or is under way already is not asked twice.
    pub fn ask(&mut self, sensor: usize) {
        let is_under_way = self.under_way.as_ref().is_some_and(|reading| reading.sensor == sensor);
        if self.probes.contains_key(&sensor) && !is_under_way && !self.asked.contains(&sensor) {
            self.asked.push_back(sensor);
        }
    }

    /// When it next wants [`Bus::step`]: `now` where something waits to be begun.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        match &self.under_way {
            Some(reading) => Some(reading.due),
            None => (!self.asked.is_empty()).then_some(now),
        }
    }

    /// Does at most one step of one reading, which waits for the bus.  `clock` is read before and after it.
    pub fn step(&mut self, buses: &dyn Buses, clock: impl Fn() -> Instant) -> Option<Reading> {
        let sensor = match &self.under_way {
            Some(reading) if reading.due > clock() => return None,
            Some(reading) => reading.sensor,
            None => self.asked.pop_front()?,
        };
        self.under_way = None;
        let outcome = match self.probes.get_mut(&sensor)?.step(buses) {
            Ok(Step::Wait(time)) => {
                self.under_way = Some(UnderWay { sensor, due: clock() + time });
                return None;
            }
            Ok(Step::Done(readings)) => Ok(readings),
            Err(error) => Err(error),
        };
        Some(Reading { sensor, outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::buses::SystemBuses;

    /// Reads its own number after two steps.
    struct Slow(f64, bool);

    impl Probe for Slow {
        fn step(&mut self, _buses: &dyn Buses) -> Result<Step, BusError> {
            self.1 = !self.1;
            Ok(if self.1 {
                Step::Wait(Duration::from_millis(10))
            } else {
                Step::Done(vec![("value", self.0)])
            })
        }
    }

    #[test]
    fn one_reading_ends_before_the_next_begins_and_none_is_made_twice() {
        let placed =
            |sensor: usize| -> Placed { ("i2c-1".to_owned(), sensor, Box::new(Slow(sensor as f64, false))) };
        let mut bus = Bus::all(vec![placed(3), placed(5)]).remove("i2c-1").expect("it has two sensors");
        let mut now = Instant::now();
        assert_eq!(bus.due(now), None);
        [3, 5, 3, 5, 99].into_iter().for_each(|sensor| bus.ask(sensor));
        let mut read = Vec::new();
        while let Some(due) = bus.due(now) {
            now = due.max(now);
            read.extend(bus.step(&SystemBuses, || now).map(|reading| reading.sensor));
            if read.is_empty() {
                bus.ask(3);
            }
        }
        assert_eq!(read, [3, 5], "what is under way is not asked for again");
    }
}
