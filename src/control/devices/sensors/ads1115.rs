//! `ads1115`: a voltage, measured by a converter on an I2C bus.

use serde::Deserialize;

use super::Values;
use super::sensor::{Plan, SIMULATE};
use super::settings::{Address, Common, Defaults, DeviceFile, common_example, i2c_1};
use crate::control::devices::actions::READ;
use crate::control::{Blueprint, Kind};
use crate::domain::{Mistakes, Settings, Share, Span};
use crate::hardware::buses::Part;
use crate::hardware::sensors::ads1115::{Ads1115, Channel, FullScale, Meaning};

pub(in crate::control::devices) static KIND: Kind = Kind {
    name: "ads1115",
    summary: "a voltage at an ADS1115 on an I2C bus",
    example: concat!(
        r#""bus": "/dev/i2c-1",     // the I2C bus
"address": "0x49",       // 0x48 to 0x4b, as its pin ADDR is wired
"channel": "0",          // 0 to 3 to ground, or the difference 0-1, 0-3, 1-3 or 2-3
"full_scale": 4.096,     // volts: 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256; no input goes above the supply
"precision": 3,          // decimals, 0 to 6
"plausible": { "min": -6.144, "max": 6.144 }, // V that are believed"#,
        common_example!()
    ),
    actions: &[READ],
    simulated_actions: &[SIMULATE],
    unit: Some("V"),
    range: DEFAULTS.range,
    read,
};

const DEFAULTS: Defaults =
    Defaults { interval: Span::from_millis(10_000), precision: 3, range: (-6.144, 6.144) };

const VOLTAGE: Values = Values { units: &[("voltage", "V")], names: &["voltage"] };

#[derive(Deserialize)]
struct Given {
    #[serde(default = "i2c_1")]
    bus: DeviceFile,
    #[serde(default = "address")]
    address: Address,
    channel: String,
    #[serde(default = "full_scale")]
    full_scale: f64,
}

pub(super) fn address() -> Address {
    Address(0x48)
}

fn full_scale() -> f64 {
    4.096
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, common) = settings.read_both::<Given, Common>(mistakes)?;
    let sampling = common.sampling(DEFAULTS, settings, mistakes);
    let input = input(&given.channel, given.full_scale, settings, mistakes);
    let (sampling, (channel, full_scale)) = (sampling?, input?);
    let share = Share::Input("ADS1115", given.channel);
    let driver = move || Ads1115::new(channel, full_scale, Meaning::Voltage);
    Some(Plan::on_i2c(&KIND, VOLTAGE, (given.bus, given.address), (Part::Ads1115, share), driver, sampling))
}

/// What the converter is to measure, from the settings `channel` and `full_scale`.
pub(super) fn input(
    channel: &str,
    full_scale: f64,
    settings: &Settings<'_>,
    mistakes: &mut Mistakes,
) -> Option<(Channel, FullScale)> {
    let found = (Channel::parse(channel), FullScale::of(full_scale));
    if found.0.is_none() {
        let message = "channel is \"0\" to \"3\", or the difference \"0-1\", \"0-3\", \"1-3\" or \"2-3\"";
        settings.mistake("channel", message, mistakes);
    }
    if found.1.is_none() {
        let message = "full_scale is 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256 volts";
        settings.mistake("full_scale", message, mistakes);
    }
    found.0.zip(found.1)
}
