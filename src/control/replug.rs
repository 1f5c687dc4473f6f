//! Chips that are unplugged while devices have lines of them, and that come back.
//!
//! What a device had taken is of no use then, whatever the chip is when it comes back.  So a device whose chip is gone is
//! replaced by one that knows this and nothing else, and is built anew, as at the start of the daemon, when a chip
//! comes on which its lines are.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use log::{info, warn};

use super::device::Beginning;
use super::{Activity, Bench, Blueprint, Controller, Device, Now, Observation, Occasion};
use crate::domain::{Arguments, Code, Refusal};
use crate::hardware::{ChipNews, EdgeSink, HardwareError, Line};

/// What it takes to build the devices anew.
pub(super) struct Sites {
    pub(super) default_chip: Option<String>,
    pub(super) edges: EdgeSink,
    /// One for each station.
    pub(super) all: Vec<Site>,
}

/// What it takes to build one device anew.
pub(super) struct Site {
    pub(super) blueprint: Box<dyn Blueprint>,
    /// The lines that it has taken.
    pub(super) lines: Vec<Line>,
    /// Why it could not be built when a chip came, as it was told last.
    pub(super) failed: Option<String>,
}

/// In the place of a device whose chip is gone.
struct Unplugged {
    why: Arc<str>,
}

impl Controller {
    /// Takes note that a chip is gone, or that one has come.
    pub fn chip(&mut self, news: &ChipNews, now: Now) {
        self.interlocks.stamp(now.instant);
        match news {
            ChipNews::Gone(chip) => {
                for index in 0..self.stations.len() {
                    if self.sites.all[index].lines.iter().any(|line| line.chip == *chip) {
                        self.lose(index, chip, now);
                    }
                }
            }
            ChipNews::Came(_) => {
                for index in 0..self.stations.len() {
                    if self.stations[index].is_lost {
                        self.build_anew(index, now);
                    }
                }
            }
        }
    }

    fn lose(&mut self, index: usize, chip: &str, now: Now) {
        let station = &mut self.stations[index];
        let old = station.told().value.clone().ok();
        let why = format!("its chip {chip} was unplugged; it is taken anew when the chip comes back");
        warn!("{}: {why}", station.name);
        station.is_lost = true;
        station.sequence = None;
        station.device = Box::new(Unplugged { why: why.into() });
        self.look(index, now);
        self.audit_own(index, "unplugged", Ok(()), old, now);
    }

    fn build_anew(&mut self, index: usize, now: Now) {
        // Whether it would go on is not known before it is built, and then it would be.
        let blocker = self.interlocks.blocker(index, now.instant);
        let site = &mut self.sites.all[index];
        let numbers = self.inputs.iter().enumerate().filter(|(_, station)| **station == index);
        let mut bench = Bench {
            hardware: self.hardware.as_mut(),
            default_chip: self.sites.default_chip.as_deref(),
            edges: self.sites.edges.clone(),
            again: numbers.map(|(number, _)| number).collect::<VecDeque<_>>(),
            inputs: &mut self.inputs,
            station: index,
            taken: Vec::new(),
            beginning: if blocker.is_some() { Beginning::Off } else { Beginning::AsConfigured },
            // No sensor has a line of a chip.
            sensing: &mut self.sensing,
            now: now.instant,
        };
        let built = site.blueprint.build(&mut bench);
        let taken = bench.taken.into_iter().map(|(_, line)| line).collect();
        match built {
            Ok(device) => {
                (site.lines, site.failed) = (taken, None);
                let station = &mut self.stations[index];
                let how =
                    blocker.map(|blocker| format!("; it begins off, because {blocker}")).unwrap_or_default();
                info!("{}: its chip is back, and its lines are taken anew{how}", station.name);
                station.is_lost = false;
                station.device = device;
                self.look(index, now);
                self.audit_own(index, "replugged", Ok(()), None, now);
            }
            // Another chip has come.
            Err(HardwareError::NotFound(_)) => {}
            Err(error) => {
                let failed = error.to_string();
                if site.failed.as_ref() != Some(&failed) {
                    warn!("{}: a chip has come, but {failed}", self.stations[index].name);
                    site.failed = Some(failed);
                }
            }
        }
    }
}

impl Device for Unplugged {
    fn act(&mut self, _verb: &str, _arguments: &Arguments, _now: Instant) -> Result<(), Refusal> {
        Err(Refusal::new(Code::DeviceFault, self.why.to_string()))
    }

    /// Nobody knows what its outputs do.
    fn activity(&self) -> Activity {
        Activity::Active
    }

    fn observe(&self) -> Observation {
        Observation { event: "fault", value: Err(self.why.clone()), edge: None, fields: Vec::new() }
    }

    /// Nothing can be brought to any state; that began when its chip was unplugged, and was told.
    fn secure(&mut self, _occasion: Occasion, _now: Instant) -> Result<(), HardwareError> {
        Err(HardwareError::NotFound(self.why.to_string()))
    }
}
