//! Drivers of sensors, from their datasheets: bytes of registers in, physical values out.
//!
//! A driver knows no bus path, no thread and no clock: it is given the way to its part, does a few transfers, and says how
//! long the part needs until it goes on.

pub mod ads1115;
pub mod aht;
pub mod ds18b20;
pub mod emc2101;
pub mod max31865;
pub mod platinum;
pub mod thermal_zone;
pub mod tmp102;

use super::buses::{BusError, Buses, I2c, Part, Probe, Spi, Step};

/// A driver of a part on an I2C bus.
pub trait I2cDriver: Send {
    /// Does the next transfers of a reading.
    fn step(&mut self, wire: &mut dyn I2c) -> Result<Step, BusError>;

    /// Forgets a reading that was begun: the next step begins a new one.
    fn restart(&mut self) {}
}

/// A driver of a part on an SPI bus.
pub trait SpiDriver: Send {
    /// Does the next transfers of a reading.
    fn step(&mut self, wire: &mut dyn Spi) -> Result<Step, BusError>;

    /// Forgets a reading that was begun: the next step begins a new one.
    fn restart(&mut self) {}
}

/// A part at its place on an I2C bus, with its driver.  The bus is opened at the first reading, and anew after an error,
/// because it may have been unplugged.
pub struct OnI2c<D> {
    bus: String,
    address: u8,
    part: Part,
    driver: D,
    wire: Option<Box<dyn I2c>>,
}

/// A part at its place on an SPI bus, with its driver; opened like [`OnI2c`].
pub struct OnSpi<D> {
    path: String,
    mode: u8,
    part: Part,
    driver: D,
    wire: Option<Box<dyn Spi>>,
}

impl<D> OnI2c<D> {
    /// The part at this address, 0x08 to 0x77, of the bus with this path.
    pub fn new(bus: String, address: u8, part: Part, driver: D) -> OnI2c<D> {
        OnI2c { bus, address, part, driver, wire: None }
    }
}

impl<D> OnSpi<D> {
    /// The part with the chip select of this path, which speaks this SPI mode.
    pub fn new(path: String, mode: u8, part: Part, driver: D) -> OnSpi<D> {
        OnSpi { path, mode, part, driver, wire: None }
    }
}

impl<D: I2cDriver> Probe for OnI2c<D> {
    fn step(&mut self, buses: &dyn Buses) -> Result<Step, BusError> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => buses.i2c(&self.bus, self.address, self.part)?,
        };
        let step = self.driver.step(wire.as_mut());
        match step {
            Ok(_) => self.wire = Some(wire),
            Err(_) => self.driver.restart(),
        }
        step
    }
}

impl<D: SpiDriver> Probe for OnSpi<D> {
    fn step(&mut self, buses: &dyn Buses) -> Result<Step, BusError> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => buses.spi(&self.path, self.mode, self.part)?,
        };
        let step = self.driver.step(wire.as_mut());
        match step {
            Ok(_) => self.wire = Some(wire),
            Err(_) => self.driver.restart(),
        }
        step
    }
}

/// CRC-8 with the polynomial x^8 + x^5 + x^4 + 1 and the initial value 0xff, as Aosong and Sensirion use it.
pub fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0xff, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 == 0 { crc << 1 } else { (crc << 1) ^ 0x31 })
    })
}

fn fault(text: impl Into<String>) -> BusError {
    BusError(text.into())
}

#[cfg(test)]
mod tests;
