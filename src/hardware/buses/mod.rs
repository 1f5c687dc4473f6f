//! Sensor buses: I2C, SPI, and the files in which the kernel tells what it has read itself.
//!
//! A transfer on a bus waits for the bus, so it is made on a thread that the bus has for itself, never on the hardware
//! thread.
//!
//! ```text
//! queue    one bus without its thread: what was asked for, one reading at a time
//! threads  the thread of each bus
//! system   the buses of this machine
//! ```

mod queue;
mod system;
mod threads;

use std::fmt;
use std::io;
use std::path::Path;

pub use queue::{Bus, Placed, Probe, Reading, Readings, Step};
pub use system::SystemBuses;
pub use threads::{BusThreads, ReadingSink};

/// A way to the sensors of a machine.
pub trait Buses: Send + Sync {
    /// Opens the way to the part at this address of the bus at this path, such as `/dev/i2c-1`.
    ///
    /// What is expected there is of no concern to a real bus; a simulated one has such a part there.
    fn i2c(&self, bus: &str, address: u8, part: Part) -> Result<Box<dyn I2c>, BusError>;

    /// Opens the way to the part with the chip select of this path, such as `/dev/spidev0.0`, in this SPI mode (0 to 3).
    fn spi(&self, path: &str, mode: u8, part: Part) -> Result<Box<dyn Spi>, BusError>;

    /// Reads a file in which the kernel tells what a sensor says, at most 4096 bytes.
    fn read_file(&self, path: &Path, part: Part) -> Result<String, BusError>;

    /// Exposes the part at a place to a value, which only a simulation can; true when it was done.
    fn expose(&self, _place: &str, _quantity: &str, _value: f64) -> bool {
        false
    }
}

/// A part on an I2C bus.
pub trait I2c: Send {
    /// Reads one byte from a register (SMBus "read byte").
    fn read_byte(&mut self, register: u8) -> Result<u8, BusError>;

    /// Reads two bytes from a register, in the order in which they come (SMBus "read word").
    fn read_word(&mut self, register: u8) -> Result<[u8; 2], BusError>;

    /// Writes one byte to a register (SMBus "write byte").
    fn write_byte(&mut self, register: u8, value: u8) -> Result<(), BusError>;

    /// Writes two bytes to a register, in this order (SMBus "write word").
    fn write_word(&mut self, register: u8, value: [u8; 2]) -> Result<(), BusError>;

    /// Reads bytes without naming a register, which SMBus has for single bytes only.
    fn read(&mut self, buffer: &mut [u8]) -> Result<(), BusError>;

    /// Writes bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), BusError>;
}

/// A part on an SPI bus.
pub trait Spi: Send {
    /// Sends bytes while chip select is active, and puts what comes back at the same time in their place.
    fn transfer(&mut self, bytes: &mut [u8]) -> Result<(), BusError>;
}

/// The parts that there are drivers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Temperature and humidity, without a checksum.
    Aht10,
    /// Temperature and humidity.
    Aht20,
    /// Temperature.
    Tmp102,
    /// Two temperatures and the speed of a fan.
    Emc2101,
    /// Voltages.
    Ads1115,
    /// The resistance of a platinum thermometer.
    Max31865,
    /// Temperature.
    Ds18b20,
    /// The kernel's thermometer of the processor.
    ThermalZone,
}

/// Why a sensor was not read.  Its text is the same as long as the reason is, so that it is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusError(pub String);

impl BusError {
    /// A call that failed at `place`, such as `/dev/i2c-1 address 0x48`.
    pub fn call(place: &str, error: &io::Error) -> BusError {
        // ENXIO and EREMOTEIO: nothing has acknowledged; which one depends on the driver of the bus.
        match error.raw_os_error() {
            Some(code) if code == nix::libc::ENXIO || code == nix::libc::EREMOTEIO => {
                BusError(format!("{place} does not answer"))
            }
            _ => BusError(format!("{place}: {error}")),
        }
    }
}

impl fmt::Display for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BusError {}
