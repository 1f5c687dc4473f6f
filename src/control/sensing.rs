//! Sensors: which device has which, what was asked of them, and what they have read.
//!
//! The hardware thread never waits for a bus.  A device asks for a reading, which the thread of the bus makes in its
//! time, and the reading comes back as a message.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use log::info;

use super::{Controller, Now};
use crate::hardware::buses::{Buses, Placed, Probe, Reading};

/// The sensors of one controller.
pub(super) struct Sensing {
    /// The station of each sensor.
    stations: Vec<usize>,
    /// Until somebody takes them to their buses.
    probes: Vec<Placed>,
    asked: (Sender<usize>, Receiver<usize>),
}

/// With this a device asks for readings of its sensor.
pub struct Asking {
    sensor: usize,
    asked: Sender<usize>,
}

impl Asking {
    /// Asks for a reading, which comes as [`super::Device::reading`].
    pub fn ask(&self) {
        // The other end lives as long as the controller, and so as long as any device.
        let _ = self.asked.send(self.sensor);
    }
}

impl Sensing {
    pub(super) fn new() -> Sensing {
        Sensing { stations: Vec::new(), probes: Vec::new(), asked: channel() }
    }

    /// Puts a sensor of this station on the bus of this name.
    pub(super) fn add(&mut self, station: usize, bus: String, probe: Box<dyn Probe>) -> Asking {
        let sensor = self.stations.len();
        self.stations.push(station);
        self.probes.push((bus, sensor, probe));
        Asking { sensor, asked: self.asked.0.clone() }
    }
}

impl Controller {
    /// The sensors of its devices, which somebody has to read when they are asked for: once.
    pub fn take_probes(&mut self) -> Vec<Placed> {
        std::mem::take(&mut self.sensing.probes)
    }

    /// The buses on which they are.
    pub fn buses(&self) -> Arc<dyn Buses> {
        self.hardware.buses()
    }

    /// The sensors that were asked for since the last call.
    pub fn asked(&self) -> impl Iterator<Item = usize> {
        self.sensing.asked.1.try_iter()
    }

    /// Passes a reading to the device that has asked for it.
    pub fn reading(&mut self, reading: Reading, now: Now) {
        let Some(&index) = self.sensing.stations.get(reading.sensor) else { return };
        self.interlocks.stamp(now.instant);
        let station = &mut self.stations[index];
        let was_in_trouble = station.told().value.is_err() && station.told().seq > 1;
        station.device.reading(reading.outcome, now.instant);
        self.look(index, now);
        let station = &self.stations[index];
        if was_in_trouble && station.told().value.is_ok() {
            info!("{}: reads again", station.name);
        }
    }
}
