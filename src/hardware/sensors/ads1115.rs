//! ADS1115: voltages by a converter of 16 bits (Texas Instruments, SBAS444, sections 7.3 and 8.1).

use std::time::Duration;

use super::{I2cDriver, Step, fault, platinum};
use crate::hardware::buses::{BusError, I2c};

/// The driver of one channel: one conversion a reading, the part sleeps in between.
pub struct Ads1115 {
    channel: Channel,
    full_scale: FullScale,
    meaning: Meaning,
    stage: Stage,
}

/// What is measured: the bits MUX of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel(u16);

/// The voltage at which the converter ends, positive and negative: the bits PGA of the configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FullScale {
    bits: u16,
    volts: f64,
}

/// What the voltage stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Meaning {
    /// Itself.
    Voltage,
    /// That of a platinum thermometer to ground, which hangs on a known resistor to a known supply.
    Divider {
        /// The supply of the divider, in volts.
        supply: f64,
        /// The known resistor, in ohms.
        reference: f64,
        /// The thermometer at 0 °C, in ohms.
        zero: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    /// So many times it was found busy.
    Converting(u8),
}

const CONVERSION: u8 = 0x00;
const CONFIGURATION: u8 = 0x01;

/// Begins a conversion when written; reads 1 when none goes on (table 8-3).
const OS: u16 = 0x8000;
/// Converts once, at 128 conversions a second, without the comparator.
const ONCE: u16 = 0x0100 | 0x0080 | 0x0003;
/// One conversion at 128 a second, whose clock may be 10 % slow, and the time to wake up.
const CONVERSION_TIME: Duration = Duration::from_millis(9);
const BUSY_AT_MOST: u8 = 3;

/// The channels by their names: to ground, or between two (table 8-3).
const CHANNELS: [(&str, u16); 8] =
    [("0", 4), ("1", 5), ("2", 6), ("3", 7), ("0-1", 0), ("0-3", 1), ("1-3", 2), ("2-3", 3)];
const FULL_SCALES: [f64; 6] = [6.144, 4.096, 2.048, 1.024, 0.512, 0.256];

impl Channel {
    /// A channel by its name: `0` to `3`, or `0-1`, `0-3`, `1-3` or `2-3` for the difference of two.
    pub fn parse(name: &str) -> Option<Channel> {
        CHANNELS.iter().find(|(known, _)| *known == name).map(|(_, bits)| Channel(*bits))
    }
}

impl FullScale {
    /// A full scale in volts: 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256.
    pub fn of(volts: f64) -> Option<FullScale> {
        let place = FULL_SCALES.iter().position(|known| *known == volts)?;
        Some(FullScale { bits: u16::try_from(place).ok()?, volts })
    }
}

impl Ads1115 {
    /// The driver of this channel.
    pub fn new(channel: Channel, full_scale: FullScale, meaning: Meaning) -> Ads1115 {
        Ads1115 { channel, full_scale, meaning, stage: Stage::Start }
    }

    fn configuration(&self) -> u16 {
        self.channel.0 << 12 | self.full_scale.bits << 9 | ONCE
    }

    fn finish(&mut self, wire: &mut dyn I2c, busy: u8) -> Result<Step, BusError> {
        let configuration = u16::from_be_bytes(wire.read_word(CONFIGURATION)?);
        if configuration & !OS != self.configuration() {
            return Err(fault("the configuration reads back differently: another program uses the part"));
        }
        if configuration & OS == 0 {
            if busy == BUSY_AT_MOST {
                return Err(fault("the conversion does not end"));
            }
            self.stage = Stage::Converting(busy + 1);
            return Ok(Step::Wait(CONVERSION_TIME));
        }
        self.stage = Stage::Start;
        let raw = i16::from_be_bytes(wire.read_word(CONVERSION)?);
        if matches!(raw, i16::MIN | i16::MAX) {
            return Err(fault("the voltage is beyond full_scale"));
        }
        let volts = f64::from(raw) * self.full_scale.volts / 32_768.0;
        Ok(Step::Done(self.meaning.of(volts)?))
    }
}

impl Meaning {
    fn of(self, volts: f64) -> Result<Vec<(&'static str, f64)>, BusError> {
        let Meaning::Divider { supply, reference, zero } = self else { return Ok(vec![("voltage", volts)]) };
        if volts <= 0.0 || volts >= supply {
            return Err(fault("the voltage is none that the divider can have: a wire is open or shorted"));
        }
        let resistance = reference * volts / (supply - volts);
        let temperature = platinum::temperature(resistance, zero)?;
        Ok(vec![("temperature", temperature), ("resistance", resistance)])
    }
}

impl I2cDriver for Ads1115 {
    fn step(&mut self, wire: &mut dyn I2c) -> Result<Step, BusError> {
        match self.stage {
            Stage::Start => {
                wire.write_word(CONFIGURATION, (OS | self.configuration()).to_be_bytes())?;
                self.stage = Stage::Converting(0);
                Ok(Step::Wait(CONVERSION_TIME))
            }
            Stage::Converting(busy) => self.finish(wire, busy),
        }
    }

    fn restart(&mut self) {
        self.stage = Stage::Start;
    }
}
