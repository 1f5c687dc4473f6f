//! EMC2101: its own temperature, that of an external diode, and the speed of a fan (Microchip, DS20006703, section 6).

use super::{I2cDriver, Step, fault};
use crate::hardware::buses::{BusError, I2c};

/// The driver.
pub struct Emc2101 {
    /// Whether a fan's tachometer is wired to the pin ALERT/TACH.
    pub tachometer: Tachometer,
}

/// What the pin ALERT/TACH is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tachometer {
    /// Wired to a fan.
    Wired,
    /// Something else.
    Absent,
}

const INTERNAL: u8 = 0x00;
const EXTERNAL_HIGH: u8 = 0x01;
const STATUS: u8 = 0x02;
const CONFIGURATION: u8 = 0x03;
const EXTERNAL_LOW: u8 = 0x10;
const TACH_LOW: u8 = 0x46;
const TACH_HIGH: u8 = 0x47;
const MANUFACTURER: u8 = 0xfe;

/// What every part of the maker says in its manufacturer register.
const MICROCHIP: u8 = 0x5d;
/// Bit 2 of the status: the external diode is open or shorted.
const DIODE_FAULT: u8 = 0x04;
/// Bit 2 of the configuration: the pin ALERT/TACH is an input for the tachometer.
const ALT_TACH: u8 = 0x04;
/// The temperature of an open diode, which is none.
const DIODE_OPEN: u8 = 0x7f;
/// The tachometer counts a clock of 90 kHz over one turn of a fan with two pulses per turn.
const TACH_CLOCK: f64 = 5_400_000.0;
/// The count of a fan that stands still, or turns too slowly to be counted.
const TACH_STOPPED: u16 = 0xffff;

impl I2cDriver for Emc2101 {
    fn step(&mut self, wire: &mut dyn I2c) -> Result<Step, BusError> {
        if wire.read_byte(MANUFACTURER)? != MICROCHIP {
            return Err(fault("the part does not say that it is an EMC2101"));
        }
        if self.tachometer == Tachometer::Wired {
            let configuration = wire.read_byte(CONFIGURATION)?;
            if configuration & ALT_TACH == 0 {
                wire.write_byte(CONFIGURATION, configuration | ALT_TACH)?;
            }
        }
        let status = wire.read_byte(STATUS)?;
        // Reading the high byte keeps the low one as it is until that is read (section 6.4).
        let (high, low) = (wire.read_byte(EXTERNAL_HIGH)?, wire.read_byte(EXTERNAL_LOW)?);
        if status & DIODE_FAULT != 0 || high == DIODE_OPEN {
            return Err(fault("the external diode is open or shorted"));
        }
        let internal = wire.read_byte(INTERNAL)?;
        let mut readings = vec![
            ("temperature", external(high, low)),
            ("internal_temperature", f64::from(i8::from_be_bytes([internal]))),
        ];
        if self.tachometer == Tachometer::Wired {
            // Here the low byte keeps the high one.
            let (low, high) = (wire.read_byte(TACH_LOW)?, wire.read_byte(TACH_HIGH)?);
            readings.push(("rpm", rpm(u16::from_be_bytes([high, low]))?));
        }
        Ok(Step::Done(readings))
    }
}

/// Degrees Celsius: 11 bits in two's complement, left in two bytes, the lowest of 0.125 °C.
fn external(high: u8, low: u8) -> f64 {
    f64::from(i16::from_be_bytes([high, low]) >> 5) * 0.125
}

/// Turns per minute.
fn rpm(count: u16) -> Result<f64, BusError> {
    match count {
        TACH_STOPPED => Ok(0.0),
        0 => Err(fault("the tachometer counts nothing")),
        count => Ok(TACH_CLOCK / f64::from(count)),
    }
}
