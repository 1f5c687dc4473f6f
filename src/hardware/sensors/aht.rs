//! AHT10 and AHT20: temperature and relative humidity (Aosong, "AHT20 Product manuals" A1, section 5; "AHT10 Technical
//! Manual" V1.1, section 5).

use std::time::Duration;

use super::{I2cDriver, Step, crc8, fault};
use crate::hardware::buses::{BusError, I2c};

/// The driver of both.
pub struct Aht {
    model: Model,
    stage: Stage,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Six bytes, no checksum.
    Aht10,
    /// Seven bytes, of which the last is a checksum.
    Aht20,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is asked for; so many times it was initialised in vain.
    Start { initialised: u8 },
    /// A measurement goes on; so many times it was found busy.
    Measuring { busy: u8 },
}

/// Bit 7 of the status: a measurement goes on (section 5.3).
const BUSY: u8 = 0x80;
/// Bit 3 of the status: the calibration coefficients are loaded.
const CALIBRATED: u8 = 0x08;

const MEASURE: [u8; 3] = [0xac, 0x33, 0x00];
/// "Wait for 80ms" (section 5.4).
const CONVERSION: Duration = Duration::from_millis(80);
const BUSY_AGAIN: Duration = Duration::from_millis(20);
const BUSY_AT_MOST: u8 = 5;
/// After the initialisation (section 5.4).
const INITIALISATION: Duration = Duration::from_millis(10);

impl Aht {
    /// The driver of this model.
    pub fn new(model: Model) -> Aht {
        Aht { model, stage: Stage::Start { initialised: 0 } }
    }

    fn start(&mut self, wire: &mut dyn I2c, initialised: u8) -> Result<Step, BusError> {
        let mut status = [0];
        wire.read(&mut status)?;
        if status[0] & CALIBRATED == 0 {
            if initialised > 0 {
                return Err(fault("the part cannot load its calibration"));
            }
            let command = match self.model {
                Model::Aht10 => 0xe1,
                Model::Aht20 => 0xbe,
            };
            wire.write(&[command, 0x08, 0x00])?;
            self.stage = Stage::Start { initialised: initialised + 1 };
            return Ok(Step::Wait(INITIALISATION));
        }
        wire.write(&MEASURE)?;
        self.stage = Stage::Measuring { busy: 0 };
        Ok(Step::Wait(CONVERSION))
    }

    fn finish(&mut self, wire: &mut dyn I2c, busy: u8) -> Result<Step, BusError> {
        let mut bytes = [0; 7];
        let length = match self.model {
            Model::Aht10 => 6,
            Model::Aht20 => 7,
        };
        wire.read(&mut bytes[..length])?;
        if bytes[0] & BUSY != 0 {
            if busy == BUSY_AT_MOST {
                return Err(fault("the part stays busy"));
            }
            self.stage = Stage::Measuring { busy: busy + 1 };
            return Ok(Step::Wait(BUSY_AGAIN));
        }
        if self.model == Model::Aht20 && crc8(&bytes[..6]) != bytes[6] {
            return Err(fault("the checksum does not match"));
        }
        self.restart();
        let (temperature, humidity) = decode(&bytes);
        Ok(Step::Done(vec![("temperature", temperature), ("humidity", humidity)]))
    }
}

/// Degrees Celsius and percent, from 20 bits each (section 6).
fn decode(bytes: &[u8; 7]) -> (f64, f64) {
    let twenty = |high: u8, middle: u8, low: u8| f64::from(u32::from_be_bytes([0, high, middle, low]));
    const FULL: f64 = (1 << 20) as f64;
    let humidity = twenty(bytes[1] >> 4, bytes[1] << 4 | bytes[2] >> 4, bytes[2] << 4 | bytes[3] >> 4);
    let temperature = twenty(bytes[3] & 0x0f, bytes[4], bytes[5]);
    (temperature / FULL * 200.0 - 50.0, humidity / FULL * 100.0)
}

impl I2cDriver for Aht {
    fn step(&mut self, wire: &mut dyn I2c) -> Result<Step, BusError> {
        match self.stage {
            Stage::Start { initialised } => self.start(wire, initialised),
            Stage::Measuring { busy } => self.finish(wire, busy),
        }
    }

    fn restart(&mut self) {
        self.stage = Stage::Start { initialised: 0 };
    }
}
