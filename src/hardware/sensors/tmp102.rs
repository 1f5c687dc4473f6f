//! TMP102: temperature (Texas Instruments, SBOS397, sections 6.4.2 and 6.5.1).

use super::{I2cDriver, Step, fault};
use crate::hardware::buses::{BusError, I2c};

/// The driver.  The part converts four times a second by itself, which is how it comes up.
pub struct Tmp102;

/// The temperature register (table 6-7).
const TEMPERATURE: u8 = 0x00;
/// Degrees Celsius of the lowest bit, in both modes.
const LOWEST_BIT: f64 = 0.0625;

impl I2cDriver for Tmp102 {
    fn step(&mut self, wire: &mut dyn I2c) -> Result<Step, BusError> {
        let temperature = decode(wire.read_word(TEMPERATURE)?)?;
        Ok(Step::Done(vec![("temperature", temperature)]))
    }
}

/// Degrees Celsius.  The lowest bit of the register tells the normal mode of 12 bits from the extended one of 13; the
/// bits between are 0 (tables 6-8 and 6-9).
pub(super) fn decode(register: [u8; 2]) -> Result<f64, BusError> {
    let raw = i16::from_be_bytes(register);
    match register[1] & 0x0f {
        0 => Ok(f64::from(raw >> 4) * LOWEST_BIT),
        low if low & 0x07 == 1 => Ok(f64::from(raw >> 3) * LOWEST_BIT),
        _ => Err(fault("bits that are always 0 are 1: this is no TMP102, or the bus is disturbed")),
    }
}
