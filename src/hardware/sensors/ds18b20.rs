//! DS18B20: temperature on a 1-wire bus, which the kernel reads and checks (`w1_therm`, Documentation/w1/slaves/w1_therm;
//! Maxim 19-7487, "Operation—Measuring Temperature").

use std::path::PathBuf;

use super::{Step, fault};
use crate::hardware::buses::{BusError, Buses, Part, Probe};

/// One sensor, by the name of its folder.
pub struct Ds18b20 {
    file: PathBuf,
}

/// What the sensor says before it has measured anything (table 1), in thousandths.
const POWER_ON: i32 = 85_000;

impl Ds18b20 {
    /// The sensor with this id, such as `28-0316a2795bff`.
    pub fn new(id: &str) -> Ds18b20 {
        Ds18b20 { file: file(id) }
    }
}

/// Where the kernel tells what the sensor with this id says.
pub fn file(id: &str) -> PathBuf {
    PathBuf::from(format!("/sys/bus/w1/devices/{id}/w1_slave"))
}

impl Probe for Ds18b20 {
    fn step(&mut self, buses: &dyn Buses) -> Result<Step, BusError> {
        let text = buses.read_file(&self.file, Part::Ds18b20)?;
        Ok(Step::Done(vec![("temperature", decode(&text)?)]))
    }
}

/// Degrees Celsius, from the two lines of `w1_slave`: the first ends in `YES` when the checksum is right, the second in
/// `t=` and thousandths of a degree.
pub(super) fn decode(text: &str) -> Result<f64, BusError> {
    let mut lines = text.lines();
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else {
        return Err(fault("the kernel has no reading"));
    };
    if !first.trim_end().ends_with("YES") {
        return Err(fault("the checksum does not match"));
    }
    let millidegrees: Option<i32> = second.split("t=").nth(1).and_then(|t| t.trim().parse().ok());
    match millidegrees {
        Some(POWER_ON) => {
            Err(fault("85 °C is what the sensor says before it has measured: its supply fails"))
        }
        Some(millidegrees) => Ok(f64::from(millidegrees) / 1000.0),
        None => Err(fault("the kernel has no reading")),
    }
}
