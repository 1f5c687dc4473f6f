//! Safe states without a hardware thread: for devices whose daemon has died and could not bring them there itself.
//!
//! A device is built with its `on_stop` value instead of its initial one, so that its lines go from whatever they were
//! to that value in the request that takes them, and then it is told to stop, which writes the value and reads it back.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::controller::stop_device;
use super::device::Beginning;
use super::sensing::Sensing;
use super::station::Station;
use super::{Bench, Now, Plan, Planned};
use crate::domain::{Arguments, Datum, DeviceName, Interlock};
use crate::hardware::{EdgeSink, Hardware};

/// Devices on their way to their safe states.  First come those that go off, and those that go on after the dead time
/// of their interlocks.
pub struct SafeStates<'a> {
    default_chip: Option<&'a str>,
    interlocks: Vec<Interlock>,
    /// Those that are to go on, each with its place among all.
    to_go_on: Vec<(usize, Planned)>,
    /// In the order of the plan.
    told: Vec<(DeviceName, SafeState)>,
    /// Their lines are held until all is done.
    done: Vec<Station>,
    /// Those of which nobody knows that they are off.
    unknown: HashSet<DeviceName>,
    /// Kept to the end: what it opened may depend on it.
    hardware: Box<dyn Hardware>,
}

/// What became of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SafeState {
    /// It is in its safe state, and this is what it reads.
    Reached(&'static str),
    /// It is off instead, because of an interlock with this device.
    OffBeside(DeviceName),
    /// It was left alone: its policy is to hold.
    Held,
    /// It has no outputs.
    Nothing,
    /// It is not known to be in its safe state, for this reason.
    Failed(String),
}

impl<'a> SafeStates<'a> {
    /// Brings the devices there that go off, whatever becomes of any of them.
    pub fn begin(
        hardware: Box<dyn Hardware>,
        default_chip: Option<&'a str>,
        plan: Plan,
        now: Now,
    ) -> SafeStates<'a> {
        let mut states = SafeStates {
            default_chip,
            interlocks: plan.interlocks,
            to_go_on: Vec::new(),
            told: Vec::with_capacity(plan.devices.len()),
            done: Vec::new(),
            unknown: HashSet::new(),
            hardware,
        };
        for (place, planned) in plan.devices.into_iter().enumerate() {
            let policy = planned.blueprint.guards().policies.into_iter().find(|(name, _)| *name == "on_stop");
            let name = planned.name.clone();
            let state = match policy {
                None => SafeState::Nothing,
                Some((_, Datum::Text(word))) if word == "hold" => {
                    states.unknown.insert(name.clone());
                    SafeState::Held
                }
                Some((_, Datum::Text(word))) if word == "off" || word == "release" => {
                    states.bring(&planned, Beginning::Off, now, None)
                }
                Some(_) => {
                    let earlier = states.to_go_on.iter().map(|(_, planned)| planned.name.clone()).collect();
                    match states.rival(&name, &earlier) {
                        // Of two that are to go on, the second one goes off.
                        Some(rival) => states.bring(&planned, Beginning::Off, now, Some(rival)),
                        None => {
                            states.to_go_on.push((place, planned));
                            SafeState::Nothing
                        }
                    }
                }
            };
            states.told.push((name, state));
        }
        states
    }

    /// How long to wait before those go on that are to.
    pub fn dead_time(&self) -> Duration {
        let goes_on = |name: &DeviceName| self.to_go_on.iter().any(|(_, planned)| planned.name == *name);
        let concerned = self.interlocks.iter().filter(|interlock| interlock.devices.iter().any(goes_on));
        concerned.map(|interlock| interlock.dead_time).max().unwrap_or(Duration::ZERO)
    }

    /// Brings the others there, gives up all lines, and tells what became of each device.
    pub fn finish(mut self, now: Now) -> Vec<(DeviceName, SafeState)> {
        for (place, planned) in std::mem::take(&mut self.to_go_on) {
            let state = match self.rival(&planned.name, &self.unknown) {
                Some(rival) => self.bring(&planned, Beginning::Off, now, Some(rival)),
                None => self.bring(&planned, Beginning::On, now, None),
            };
            self.told[place].1 = state;
        }
        self.told
    }

    /// One of these devices that shares an interlock with this one.
    fn rival(&self, name: &DeviceName, among: &HashSet<DeviceName>) -> Option<DeviceName> {
        let groups = self.interlocks.iter().filter(|interlock| interlock.devices.contains(name));
        let mut others = groups.flat_map(|interlock| &interlock.devices).filter(|other| *other != name);
        others.find(|other| among.contains(*other)).cloned()
    }

    /// Takes the lines of a device and brings it to its safe state, or off because of a rival.
    fn bring(
        &mut self,
        planned: &Planned,
        beginning: Beginning,
        now: Now,
        rival: Option<DeviceName>,
    ) -> SafeState {
        let edges: EdgeSink = Arc::new(|_| {});
        let mut bench = Bench {
            hardware: self.hardware.as_mut(),
            default_chip: self.default_chip,
            edges,
            inputs: &mut Vec::new(),
            again: VecDeque::new(),
            station: 0,
            taken: Vec::new(),
            beginning,
            sensing: &mut Sensing::new(),
            now: now.instant,
        };
        let brought =
            planned.blueprint.build(&mut bench).map_err(|error| error.to_string()).and_then(|device| {
                let (name, kind) = (planned.name.clone(), planned.kind);
                let protection = planned.blueprint.guards().protection;
                let mut station = Station::new(name, kind, protection, Vec::new(), device, now);
                let stopped = match rival {
                    None => stop_device(&mut station, now),
                    Some(_) => station.device.act("off", &Arguments::default(), now.instant),
                };
                let read = station.device.observe().event;
                // Kept even if it failed: it may have got there all the same, and does not lose its lines at once.
                self.done.push(station);
                stopped.map(|()| read).map_err(|refusal| refusal.message.to_string())
            });
        match (brought, rival) {
            (Ok(_), Some(rival)) => SafeState::OffBeside(rival),
            (Ok(read), None) => SafeState::Reached(read),
            (Err(why), _) => {
                self.unknown.insert(planned.name.clone());
                SafeState::Failed(why)
            }
        }
    }
}
