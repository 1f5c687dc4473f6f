//! `tmp102`: a thermometer on an I2C bus.

use serde::Deserialize;

use super::TEMPERATURE;
use super::sensor::{Plan, SIMULATE};
use super::settings::{Address, Common, Defaults, DeviceFile, common_example, i2c_1};
use crate::control::devices::actions::READ;
use crate::control::{Blueprint, Kind};
use crate::domain::{Mistakes, Settings, Share, Span};
use crate::hardware::buses::Part;
use crate::hardware::sensors::tmp102::Tmp102;

pub(in crate::control::devices) static KIND: Kind = Kind {
    name: "tmp102",
    summary: "a TMP102 thermometer on an I2C bus",
    example: concat!(
        r#""bus": "/dev/i2c-1",     // the I2C bus
"address": "0x48",       // 0x48 to 0x4b, as its pin ADD0 is wired
"precision": 1,          // decimals, 0 to 6
"plausible": { "min": -55, "max": 150 }, // °C that are believed"#,
        common_example!()
    ),
    actions: &[READ],
    simulated_actions: &[SIMULATE],
    unit: Some("°C"),
    range: DEFAULTS.range,
    read,
};

const DEFAULTS: Defaults =
    Defaults { interval: Span::from_millis(10_000), precision: 1, range: (-55.0, 150.0) };

#[derive(Deserialize)]
struct Given {
    #[serde(default = "i2c_1")]
    bus: DeviceFile,
    #[serde(default = "address")]
    address: Address,
}

fn address() -> Address {
    Address(0x48)
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, common) = settings.read_both::<Given, Common>(mistakes)?;
    let sampling = common.sampling(DEFAULTS, settings, mistakes)?;
    let place = (given.bus, given.address);
    Some(Plan::on_i2c(&KIND, TEMPERATURE, place, (Part::Tmp102, Share::Whole), || Tmp102, sampling))
}
