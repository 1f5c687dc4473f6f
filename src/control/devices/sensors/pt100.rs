//! `pt100`: a platinum thermometer in a voltage divider, whose voltage an ADS1115 measures.

use serde::Deserialize;

use super::sensor::Plan;
use super::settings::{Address, Common, Defaults, DeviceFile, common_example, i2c_1};
use super::{TEMPERATURE_AND_RESISTANCE, ads1115};
use crate::control::devices::actions::READ;
use crate::control::{Blueprint, Kind};
use crate::domain::{Mistakes, Settings, Share, Span};
use crate::hardware::buses::Part;
use crate::hardware::sensors::ads1115::{Ads1115, Meaning};

pub(in crate::control::devices) static KIND: Kind = Kind {
    name: "pt100",
    summary: "a platinum thermometer in a voltage divider at an ADS1115",
    example: concat!(
        r#""bus": "/dev/i2c-1",     // the I2C bus
"address": "0x49",       // that of the ADS1115: 0x48 to 0x4b
"channel": "1",          // its input between the resistor and the thermometer, or a difference such as 0-1
"full_scale": 0.256,     // volts: 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256
"supply": 3.3,           // volts at the resistor, 0.5 to 6
"reference": 3300,       // ohms of the resistor between supply and thermometer, 10 to 1000000
"zero": 100,             // ohms of the thermometer at 0 °C: 100 for a PT100, 1000 for a PT1000; 10 to 10000
"precision": 1,          // decimals, 0 to 6
"plausible": { "min": -200, "max": 850 }, // °C that are believed"#,
        common_example!()
    ),
    actions: &[READ],
    simulated_actions: &[],
    unit: Some("°C"),
    range: DEFAULTS.range,
    read,
};

const DEFAULTS: Defaults =
    Defaults { interval: Span::from_millis(10_000), precision: 1, range: (-200.0, 850.0) };

#[derive(Deserialize)]
struct Given {
    #[serde(default = "i2c_1")]
    bus: DeviceFile,
    #[serde(default = "ads1115::address")]
    address: Address,
    channel: String,
    #[serde(default = "full_scale")]
    full_scale: f64,
    #[serde(default = "supply")]
    supply: f64,
    reference: f64,
    #[serde(default = "zero")]
    zero: f64,
}

fn full_scale() -> f64 {
    0.256
}

fn supply() -> f64 {
    3.3
}

fn zero() -> f64 {
    100.0
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, common) = settings.read_both::<Given, Common>(mistakes)?;
    let sampling = common.sampling(DEFAULTS, settings, mistakes);
    let input = ads1115::input(&given.channel, given.full_scale, settings, mistakes);
    let bounds = [
        ("supply", given.supply, 0.5, 6.0, "volts"),
        ("reference", given.reference, 10.0, 1e6, "ohms"),
        ("zero", given.zero, 10.0, 1e4, "ohms"),
    ];
    let wrong: Vec<_> =
        bounds.into_iter().filter(|(_, value, least, most, _)| value < least || value > most).collect();
    for (key, _, least, most, unit) in &wrong {
        settings.mistake(key, format!("{key} is from {least} to {most} {unit}"), mistakes);
    }
    let (sampling, (channel, full_scale)) = (sampling?, input.filter(|_| wrong.is_empty())?);
    let Given { supply, reference, zero, .. } = given;
    let meaning = Meaning::Divider { supply, reference, zero };
    let share = Share::Input("ADS1115", given.channel);
    let driver = move || Ads1115::new(channel, full_scale, meaning);
    let place = (given.bus, given.address);
    Some(Plan::on_i2c(&KIND, TEMPERATURE_AND_RESISTANCE, place, (Part::Ads1115, share), driver, sampling))
}
