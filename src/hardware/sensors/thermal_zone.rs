//! The temperature of the processor, as the kernel tells it (Documentation/driver-api/thermal/sysfs-api, `temp`).

use std::path::PathBuf;

use super::{Step, fault};
use crate::hardware::buses::{BusError, Buses, Part, Probe};

/// One thermal zone.
pub struct ThermalZone {
    file: PathBuf,
}

impl ThermalZone {
    /// The zone of this number; 0 is the processor on a Raspberry Pi.
    pub fn new(zone: u8) -> ThermalZone {
        ThermalZone { file: file(zone) }
    }
}

/// Where the kernel tells how warm the zone of this number is.
pub fn file(zone: u8) -> PathBuf {
    PathBuf::from(format!("/sys/class/thermal/thermal_zone{zone}/temp"))
}

impl Probe for ThermalZone {
    fn step(&mut self, buses: &dyn Buses) -> Result<Step, BusError> {
        let text = buses.read_file(&self.file, Part::ThermalZone)?;
        Ok(Step::Done(vec![("temperature", decode(&text)?)]))
    }
}

/// Degrees Celsius, from a text of thousandths.
pub(super) fn decode(text: &str) -> Result<f64, BusError> {
    let millidegrees: i32 = text.trim().parse().map_err(|_| fault("the kernel has no reading"))?;
    Ok(f64::from(millidegrees) / 1000.0)
}
