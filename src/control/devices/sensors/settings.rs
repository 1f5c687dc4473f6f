//! The settings that all sensors have, and the places where sensors are.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::sampling::Sampling;
use crate::domain::{Mistakes, Settings, Span};

/// The example of what all sensors have, to be put at the end of that of a kind.
macro_rules! common_example {
    () => {
        r#"
"interval": "10s",       // the time from one reading to the next: 100ms to 1h
"offset": 0,             // what is added to the value
"median": 1,             // of so many readings the median counts: 1, 3, 5, ... 15
"stale_after": "30s",    // when a value is too old; null for three intervals, but at least 5s"#
    };
}
pub(super) use common_example;

/// The settings of all sensors, which are read beside those that a kind has of its own.
#[derive(Deserialize)]
pub(super) struct Common {
    interval: Option<Span>,
    stale_after: Option<Span>,
    #[serde(default)]
    offset: f64,
    precision: Option<u8>,
    plausible: Option<Plausible>,
    #[serde(default = "one")]
    median: usize,
}

/// What is believed.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plausible {
    min: Option<f64>,
    max: Option<f64>,
}

/// What a kind has where nothing else is said.
#[derive(Clone, Copy)]
pub(super) struct Defaults {
    pub(super) interval: Span,
    pub(super) precision: u8,
    /// What the part can measure, and so all that is ever plausible.
    pub(super) range: (f64, f64),
}

fn one() -> usize {
    1
}

impl Common {
    /// How the sensor is read.
    pub(super) fn sampling(
        &self,
        defaults: Defaults,
        settings: &Settings<'_>,
        mistakes: &mut Mistakes,
    ) -> Option<Sampling> {
        let before = mistakes.found.len();
        let mut wrong = |key: &str, message: String| settings.mistake(key, message, mistakes);
        let interval = self.interval.unwrap_or(defaults.interval);
        if interval < LEAST_INTERVAL || interval > LONGEST_INTERVAL {
            wrong("interval", format!("interval is from {LEAST_INTERVAL} to {LONGEST_INTERVAL}"));
        }
        let stale_after = self.stale_after.unwrap_or(Span((3 * interval.0).max(LEAST_PATIENCE.0)));
        if stale_after <= interval || stale_after > LONGEST_PATIENCE {
            wrong(
                "stale_after",
                format!("stale_after is longer than the interval, and at most {LONGEST_PATIENCE}"),
            );
        }
        let precision = self.precision.unwrap_or(defaults.precision);
        if precision > MOST_DECIMALS {
            wrong("precision", format!("precision is from 0 to {MOST_DECIMALS} decimals"));
        }
        if self.median % 2 == 0 || self.median > LONGEST_MEDIAN {
            wrong("median", format!("median is an odd number from 1 to {LONGEST_MEDIAN}"));
        }
        let (least, most) = defaults.range;
        if self.offset.abs() > most - least {
            wrong("offset", format!("offset is from {} to {}", least - most, most - least));
        }
        let Plausible { min, max } = self.plausible.unwrap_or(Plausible { min: None, max: None });
        let plausible = (min.unwrap_or(least), max.unwrap_or(most));
        if plausible.0 < least || plausible.1 > most || plausible.0 >= plausible.1 {
            wrong("plausible", format!("plausible has a min below its max, both from {least} to {most}"));
        }
        let sampling = Sampling {
            interval: interval.0,
            stale_after: stale_after.0,
            offset: self.offset,
            precision,
            plausible,
            median: self.median,
        };
        (mistakes.found.len() == before).then_some(sampling)
    }
}

const LEAST_INTERVAL: Span = Span::from_millis(100);
const LONGEST_INTERVAL: Span = Span::from_millis(3_600_000);
/// A bus may be busy with others for a while.
const LEAST_PATIENCE: Span = Span::from_millis(5000);
const LONGEST_PATIENCE: Span = Span::from_millis(24 * 3_600_000);
const MOST_DECIMALS: u8 = 6;
const LONGEST_MEDIAN: usize = 15;

/// The address of a part on an I2C bus: a number, or a text such as `"0x48"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address(pub(super) u8);

impl Address {
    fn of<E: Error>(number: u64) -> Result<Address, E> {
        match u8::try_from(number) {
            // The others are reserved (NXP UM10204, table 4).
            Ok(address @ 0x08..=0x77) => Ok(Address(address)),
            _ => Err(E::custom("an I2C address is from 0x08 to 0x77, such as \"0x48\"")),
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Address;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an I2C address such as \"0x48\"")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Address, E> {
                Address::of(number)
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Address, E> {
                Address::of(u64::try_from(number).unwrap_or(u64::MAX))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Address, E> {
                let digits = text.strip_prefix("0x").filter(|digits| !digits.starts_with('+'));
                let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
                Address::of(number.unwrap_or(u64::MAX))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// The path of a device file, such as `/dev/i2c-1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeviceFile(pub(super) String);

impl DeviceFile {
    /// What its bus, and the thread of that, is called: `i2c-1` for `/dev/i2c-1`, `spidev0` for `/dev/spidev0.1`.
    pub(super) fn bus(&self) -> &str {
        let name = self.0.rsplit('/').next().unwrap_or(&self.0);
        name.split('.').next().unwrap_or(name)
    }
}

impl<'de> Deserialize<'de> for DeviceFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DeviceFile, D::Error> {
        let path = String::deserialize(deserializer)?;
        let file = DeviceFile(path);
        let is_good =
            file.0.starts_with("/dev/") && !file.0.contains('\0') && file.bus().len() <= LONGEST_NAME;
        if is_good { Ok(file) } else { Err(Error::custom("expected a device file, such as \"/dev/i2c-1\"")) }
    }
}

/// The kernel takes no longer name of a thread.
const LONGEST_NAME: usize = 15;

/// The bus of the header of a Raspberry Pi.
pub(super) fn i2c_1() -> DeviceFile {
    DeviceFile("/dev/i2c-1".to_owned())
}
