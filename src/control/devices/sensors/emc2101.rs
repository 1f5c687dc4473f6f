//! `emc2101`: two temperatures and the speed of a fan on an I2C bus.

use serde::Deserialize;

use super::Values;
use super::sensor::{Plan, SIMULATE};
use super::settings::{Address, Common, Defaults, DeviceFile, common_example, i2c_1};
use crate::control::devices::actions::READ;
use crate::control::{Blueprint, Kind};
use crate::domain::{Mistakes, Settings, Share, Span};
use crate::hardware::buses::Part;
use crate::hardware::sensors::emc2101::{Emc2101, Tachometer};

pub(in crate::control::devices) static KIND: Kind = Kind {
    name: "emc2101",
    summary: "an EMC2101 on an I2C bus: the temperature of a diode and its own, and the speed of a fan",
    example: concat!(
        r#""bus": "/dev/i2c-1",     // the I2C bus
"address": "0x4c",       // its address
"tachometer": true,      // true when a fan's tachometer is wired to its pin ALERT/TACH
"precision": 1,          // decimals, 0 to 6
"plausible": { "min": -64, "max": 127 }, // °C of the diode that are believed"#,
        common_example!()
    ),
    actions: &[READ],
    simulated_actions: &[SIMULATE],
    unit: Some("°C"),
    range: DEFAULTS.range,
    read,
};

const DEFAULTS: Defaults =
    Defaults { interval: Span::from_millis(10_000), precision: 1, range: (-64.0, 127.0) };

const WITHOUT_FAN: Values = Values {
    units: &[("temperature", "°C"), ("internal_temperature", "°C")],
    names: &["temperature", "internal_temperature"],
};
const WITH_FAN: Values = Values {
    units: &[("temperature", "°C"), ("internal_temperature", "°C"), ("rpm", "1/min")],
    names: &["temperature", "internal_temperature", "rpm"],
};

#[derive(Deserialize)]
struct Given {
    #[serde(default = "i2c_1")]
    bus: DeviceFile,
    #[serde(default = "address")]
    address: Address,
    #[serde(default)]
    tachometer: bool,
}

fn address() -> Address {
    Address(0x4c)
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, common) = settings.read_both::<Given, Common>(mistakes)?;
    let sampling = common.sampling(DEFAULTS, settings, mistakes)?;
    let (tachometer, values) =
        if given.tachometer { (Tachometer::Wired, WITH_FAN) } else { (Tachometer::Absent, WITHOUT_FAN) };
    let driver = move || Emc2101 { tachometer };
    Some(Plan::on_i2c(
        &KIND,
        values,
        (given.bus, given.address),
        (Part::Emc2101, Share::Whole),
        driver,
        sampling,
    ))
}
