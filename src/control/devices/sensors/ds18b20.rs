//! `ds18b20`: a thermometer on a 1-wire bus.

use serde::Deserialize;

use super::TEMPERATURE;
use super::sensor::{Plan, SIMULATE};
use super::settings::{Common, Defaults, common_example};
use crate::control::devices::actions::READ;
use crate::control::{Blueprint, Kind};
use crate::domain::{Mistakes, PartAddress, Settings, Share, Span};
use crate::hardware::sensors::ds18b20::{Ds18b20, file};

pub(in crate::control::devices) static KIND: Kind = Kind {
    name: "ds18b20",
    summary: "a DS18B20 thermometer on a 1-wire bus",
    example: concat!(
        r#""id": "28-0316a2795bff", // its folder in /sys/bus/w1/devices
"precision": 1,          // decimals, 0 to 6
"plausible": { "min": -55, "max": 125 }, // °C that are believed"#,
        common_example!()
    ),
    actions: &[READ],
    simulated_actions: &[SIMULATE],
    unit: Some("°C"),
    range: DEFAULTS.range,
    read,
};

const DEFAULTS: Defaults =
    Defaults { interval: Span::from_millis(10_000), precision: 1, range: (-55.0, 125.0) };

#[derive(Deserialize)]
struct Given {
    id: String,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, common) = settings.read_both::<Given, Common>(mistakes)?;
    let sampling = common.sampling(DEFAULTS, settings, mistakes);
    let id = given.id;
    let is_hex = |digits: &str| digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !id.strip_prefix("28-").is_some_and(is_hex) {
        let message = "id is \"28-\" and 12 hexadecimal digits, as in /sys/bus/w1/devices";
        settings.mistake("id", message, mistakes);
        return None;
    }
    Some(Box::new(Plan {
        kind: &KIND,
        values: TEMPERATURE,
        bus: BUS.to_owned(),
        address: ("id", PartAddress { place: file(&id).display().to_string(), share: Share::Whole }),
        probe: Box::new(move || Box::new(Ds18b20::new(&id))),
        sampling: sampling?,
    }))
}

/// The kernel reads all of them one after the other.
const BUS: &str = "w1";
