//! The sensors of the simulated board: parts that answer register by register, on buses that can be disturbed.
//!
//! The drivers talk to them as to real ones.  Tests and the action `simulate` say what the parts are exposed to; every
//! transfer asks for the disturbance of its place first.

mod chips;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::buses::{BusError, Buses, I2c, Part, Spi};
use crate::domain::Fault;
use chips::Chip;

/// The sensors of a simulated board.
#[derive(Clone, Default)]
pub struct Parts(Arc<Shared>);

#[derive(Default)]
struct Shared {
    places: Mutex<HashMap<String, Place>>,
    /// Something was mended.
    mended: Condvar,
}

/// What is at one place: an address of an I2C bus, a chip select, a file.
#[derive(Default)]
struct Place {
    chip: Option<Box<dyn Chip>>,
    exposure: Exposure,
    fault: Option<Fault>,
}

/// What a part is exposed to, by the names of its quantities.
#[derive(Debug, Clone, Default)]
pub(super) struct Exposure(HashMap<String, f64>);

/// The name of a place on an I2C bus.
fn i2c_place(bus: &str, address: u8) -> String {
    format!("{bus} address {address:#04x}")
}

impl Parts {
    /// Exposes the part at a place, such as `/dev/i2c-1 address 0x48` or `/dev/spidev0.0`, to a `temperature` in °C, a
    /// `humidity` in %, a `voltage` in V, an `rpm` or an `internal_temperature`.
    pub fn expose(&self, place: &str, quantity: &str, value: f64) {
        let mut places = self.places();
        places.entry(place.to_owned()).or_default().exposure.0.insert(quantity.to_owned(), value);
    }

    /// Disturbs the transfers of a place from now on.  One that is stuck does not come back until the place is mended.
    pub fn disturb(&self, place: &str, fault: Fault) {
        self.places().entry(place.to_owned()).or_default().fault = Some(fault);
    }

    /// Ends the disturbance of a place; what was stuck goes on.
    pub fn mend(&self, place: &str) {
        self.places().entry(place.to_owned()).or_default().fault = None;
        self.0.mended.notify_all();
    }

    /// One transfer with the part at a place, which is put there if there is none.
    fn transfer(
        &self,
        name: &str,
        part: Part,
        written: &[u8],
        read: &mut [u8],
    ) -> Result<Option<Fault>, BusError> {
        let mut places = self.wait(name);
        let place = places.entry(name.to_owned()).or_default();
        let is_refused = match place.fault {
            Some(Fault::Nak) => true,
            Some(Fault::WriteFails) => !written.is_empty(),
            Some(Fault::ReadFails) => !read.is_empty(),
            Some(Fault::Stuck | Fault::BitErrors | Fault::Slow(_)) | None => false,
        };
        if is_refused {
            return Err(BusError(format!("{name} does not answer")));
        }
        place.chip.get_or_insert_with(|| chips::of(part)).transfer(written, read, &place.exposure);
        if let (Some(Fault::BitErrors), Some(last)) = (place.fault, read.last_mut()) {
            *last ^= 0x08;
        }
        Ok(place.fault)
    }

    /// Waits for as long as a transfer with this place takes.
    fn wait(&self, name: &str) -> MutexGuard<'_, HashMap<String, Place>> {
        let fault = |places: &HashMap<String, Place>| places.get(name).and_then(|place| place.fault);
        let places = self.places();
        match fault(&places) {
            Some(Fault::Slow(time)) => {
                let slow =
                    |places: &mut HashMap<String, Place>| matches!(fault(places), Some(Fault::Slow(_)));
                let waited = self.0.mended.wait_timeout_while(places, time, slow);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            Some(Fault::Stuck) => {
                let stuck = |places: &mut HashMap<String, Place>| fault(places) == Some(Fault::Stuck);
                self.0.mended.wait_while(places, stuck).unwrap_or_else(PoisonError::into_inner)
            }
            _ => places,
        }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<String, Place>> {
        // Every change is a plain assignment, so a panic elsewhere leaves them whole.
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exposure {
    /// What a part is exposed to: room temperature and the like, unless something else was said.
    pub(super) fn of(&self, quantity: &str) -> f64 {
        self.0.get(quantity).copied().unwrap_or(match quantity {
            "temperature" => 21.5,
            "internal_temperature" => 30.0,
            "humidity" => 45.0,
            "rpm" => 1200.0,
            // A PT100 at 22 °C in series with 3.3 kΩ on 3.3 V.
            "voltage" => 0.105,
            _ => 0.0,
        })
    }
}

/// The wire to one part.
struct Wire {
    parts: Parts,
    place: String,
    part: Part,
}

impl Wire {
    fn exchange(&self, written: &[u8], read: &mut [u8]) -> Result<(), BusError> {
        self.parts.transfer(&self.place, self.part, written, read).map(drop)
    }
}

impl I2c for Wire {
    fn read_byte(&mut self, register: u8) -> Result<u8, BusError> {
        let mut byte = [0];
        self.exchange(&[register], &mut byte)?;
        Ok(byte[0])
    }

    fn read_word(&mut self, register: u8) -> Result<[u8; 2], BusError> {
        let mut word = [0; 2];
        self.exchange(&[register], &mut word)?;
        Ok(word)
    }

    fn write_byte(&mut self, register: u8, value: u8) -> Result<(), BusError> {
        self.exchange(&[register, value], &mut [])
    }

    fn write_word(&mut self, register: u8, [first, second]: [u8; 2]) -> Result<(), BusError> {
        self.exchange(&[register, first, second], &mut [])
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), BusError> {
        self.exchange(&[], buffer)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), BusError> {
        self.exchange(bytes, &mut [])
    }
}

impl Spi for Wire {
    fn transfer(&mut self, bytes: &mut [u8]) -> Result<(), BusError> {
        let written = bytes.to_vec();
        self.exchange(&written, bytes)
    }
}

impl Buses for Parts {
    fn i2c(&self, bus: &str, address: u8, part: Part) -> Result<Box<dyn I2c>, BusError> {
        Ok(Box::new(Wire { parts: self.clone(), place: i2c_place(bus, address), part }))
    }

    fn spi(&self, path: &str, _mode: u8, part: Part) -> Result<Box<dyn Spi>, BusError> {
        Ok(Box::new(Wire { parts: self.clone(), place: path.to_owned(), part }))
    }

    fn read_file(&self, path: &Path, part: Part) -> Result<String, BusError> {
        let place = path.display().to_string();
        // The temperature in thousandths comes over as a number of four bytes, and the rest of the text is made here.
        let mut number = [0; 4];
        let wrong = self.transfer(&place, part, &[], &mut number)? == Some(Fault::BitErrors);
        let millidegrees = i32::from_be_bytes(number);
        Ok(match part {
            Part::Ds18b20 => {
                let verdict = if wrong { "NO" } else { "YES" };
                let scratchpad = "00 00 4b 46 7f ff 0c 10 00";
                format!("{scratchpad} : crc=00 {verdict}\n{scratchpad} t={millidegrees}\n")
            }
            _ if wrong => "?\n".to_owned(),
            _ => format!("{millidegrees}\n"),
        })
    }

    fn expose(&self, place: &str, quantity: &str, value: f64) -> bool {
        Parts::expose(self, place, quantity, value);
        true
    }
}
