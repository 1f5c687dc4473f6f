//! `aht10` and `aht20`: temperature and humidity on an I2C bus.

use serde::Deserialize;

use super::Values;
use super::sensor::{Plan, SIMULATE};
use super::settings::{Address, Common, Defaults, DeviceFile, common_example, i2c_1};
use crate::control::devices::actions::READ;
use crate::control::{Blueprint, Kind};
use crate::domain::{Mistakes, Settings, Share, Span};
use crate::hardware::buses::Part;
use crate::hardware::sensors::aht::{Aht, Model};

pub(in crate::control::devices) static AHT10: Kind = Kind {
    name: "aht10",
    summary: "an AHT10 on an I2C bus: temperature and humidity, without a checksum",
    example: concat!(
        r#""bus": "/dev/i2c-1",     // the I2C bus
"address": "0x39",       // 0x38 or 0x39, as its pin is wired
"precision": 1,          // decimals, 0 to 6
"plausible": { "min": -40, "max": 85 }, // °C that are believed"#,
        common_example!()
    ),
    read: |settings, mistakes| read(&AHT10, Model::Aht10, settings, mistakes),
    ..AHT20
};

pub(in crate::control::devices) static AHT20: Kind = Kind {
    name: "aht20",
    summary: "an AHT20 on an I2C bus: temperature and humidity",
    example: concat!(
        r#""bus": "/dev/i2c-1",     // the I2C bus
"address": "0x38",       // its address
"precision": 1,          // decimals, 0 to 6
"plausible": { "min": -40, "max": 85 }, // °C that are believed"#,
        common_example!()
    ),
    actions: &[READ],
    simulated_actions: &[SIMULATE],
    unit: Some("°C"),
    range: DEFAULTS.range,
    read: |settings, mistakes| read(&AHT20, Model::Aht20, settings, mistakes),
};

/// More often than every two seconds it warms itself by more than 0.1 °C (datasheet, section 5.4).
const DEFAULTS: Defaults =
    Defaults { interval: Span::from_millis(10_000), precision: 1, range: (-40.0, 85.0) };

const VALUES: Values =
    Values { units: &[("temperature", "°C"), ("humidity", "%")], names: &["temperature", "humidity"] };

#[derive(Deserialize)]
struct Given {
    #[serde(default = "i2c_1")]
    bus: DeviceFile,
    #[serde(default = "address")]
    address: Address,
}

fn address() -> Address {
    Address(0x38)
}

fn read(
    kind: &'static Kind,
    model: Model,
    settings: &Settings<'_>,
    mistakes: &mut Mistakes,
) -> Option<Box<dyn Blueprint>> {
    let (given, common) = settings.read_both::<Given, Common>(mistakes)?;
    let sampling = common.sampling(DEFAULTS, settings, mistakes)?;
    let part = match model {
        Model::Aht10 => Part::Aht10,
        Model::Aht20 => Part::Aht20,
    };
    let place = (given.bus, given.address);
    Some(Plan::on_i2c(kind, VALUES, place, (part, Share::Whole), move || Aht::new(model), sampling))
}
