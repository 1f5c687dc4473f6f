//! MAX31865: a platinum thermometer over SPI (Maxim, 19-6478, "Internal Registers" and "Converting RTD Data Register
//! Values to Temperature").

use std::time::Duration;

use super::{SpiDriver, Step, fault, platinum};
use crate::hardware::buses::{BusError, Spi};

/// The driver: the thermometer has current only while it is read, so that it does not warm itself.
pub struct Max31865 {
    /// What hangs on it.
    pub thermometer: Thermometer,
    stage: Stage,
}

/// What hangs on the part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thermometer {
    /// The reference resistor, in ohms: 400 to 430 for a PT100, 4000 to 4300 for a PT1000.
    pub reference: f64,
    /// The thermometer at 0 °C, in ohms.
    pub zero: f64,
    /// How many wires it has.
    pub wires: Wires,
    /// The frequency of the mains.
    pub mains: Mains,
}

/// How a thermometer is wired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wires {
    /// Two or four wires.
    TwoOrFour,
    /// Three wires.
    Three,
}

/// The frequency that the part filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mains {
    /// Most of the world.
    Hertz50,
    /// America and a part of Japan.
    Hertz60,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    /// The bias is on, and the filter at the inputs charges.
    Settling,
    Converting,
}

/// The part takes modes 1 and 3 ("Serial Interface").
pub const SPI_MODE: u8 = 1;

const CONFIGURATION: u8 = 0x00;
const RTD: u8 = 0x01;
const FAULT_STATUS: u8 = 0x07;
/// Added to the address of a register that is written (table 1).
const WRITE: u8 = 0x80;

// The configuration register (table 2).
const BIAS: u8 = 0x80;
const ONE_SHOT: u8 = 0x20;
const THREE_WIRES: u8 = 0x10;
const CLEAR_FAULTS: u8 = 0x02;
const FILTER_50_HERTZ: u8 = 0x01;

/// Ten and a half time constants of the filter at the inputs and 1 ms ("1-Shot"), for the usual 100 nF.
const SETTLING: Duration = Duration::from_millis(10);
/// 62.5 ms at most with the 50 Hz filter, 52 ms with the other (electrical characteristics).
const CONVERSION: Duration = Duration::from_millis(66);

/// The faults by their bits (table 7).
const FAULTS: [(u8, &str); 6] = [
    (0x80, "the resistance is above the high threshold: a wire is open"),
    (0x40, "the resistance is below the low threshold: the thermometer is shorted"),
    (0x20, "REFIN- is too high: a wire is open"),
    (0x10, "REFIN- is too low: FORCE- is open"),
    (0x08, "RTDIN- is too low: FORCE- is open"),
    (0x04, "an input has a voltage that is too high or too low"),
];

impl Max31865 {
    /// The driver with this thermometer.
    pub fn new(thermometer: Thermometer) -> Max31865 {
        Max31865 { thermometer, stage: Stage::Start }
    }

    fn configuration(&self) -> u8 {
        let wires = if self.thermometer.wires == Wires::Three { THREE_WIRES } else { 0 };
        wires | if self.thermometer.mains == Mains::Hertz50 { FILTER_50_HERTZ } else { 0 }
    }

    fn finish(&mut self, wire: &mut dyn Spi) -> Result<Step, BusError> {
        self.stage = Stage::Start;
        let mut configuration = [CONFIGURATION, 0];
        wire.transfer(&mut configuration)?;
        if configuration[1] & !ONE_SHOT != BIAS | self.configuration() {
            return Err(fault("the configuration reads back differently: the part does not answer"));
        }
        let mut code = [RTD, 0, 0];
        wire.transfer(&mut code)?;
        let mut status = [FAULT_STATUS, 0];
        wire.transfer(&mut status)?;
        wire.transfer(&mut [CONFIGURATION | WRITE, self.configuration()])?;
        // Of the 16 bits the lowest says whether there is a fault.
        if code[2] & 1 != 0 || status[1] & !0x03 != 0 {
            let known = FAULTS.iter().find(|(bit, _)| status[1] & bit != 0);
            return Err(fault(known.map_or("the part tells a fault without its cause", |(_, text)| text)));
        }
        let resistance = resistance(u16::from_be_bytes([code[1], code[2]]), self.thermometer.reference);
        let temperature = platinum::temperature(resistance, self.thermometer.zero)?;
        Ok(Step::Done(vec![("temperature", temperature), ("resistance", resistance)]))
    }
}

/// Ohms: 15 bits are the part of the reference.
pub(super) fn resistance(register: u16, reference: f64) -> f64 {
    f64::from(register >> 1) * reference / 32_768.0
}

impl SpiDriver for Max31865 {
    fn step(&mut self, wire: &mut dyn Spi) -> Result<Step, BusError> {
        let configuration = self.configuration();
        match self.stage {
            Stage::Start => {
                wire.transfer(&mut [CONFIGURATION | WRITE, configuration | BIAS | CLEAR_FAULTS])?;
                self.stage = Stage::Settling;
                Ok(Step::Wait(SETTLING))
            }
            Stage::Settling => {
                wire.transfer(&mut [CONFIGURATION | WRITE, configuration | BIAS | ONE_SHOT])?;
                self.stage = Stage::Converting;
                Ok(Step::Wait(CONVERSION))
            }
            Stage::Converting => self.finish(wire),
        }
    }

    fn restart(&mut self) {
        self.stage = Stage::Start;
    }
}
