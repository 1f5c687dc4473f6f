//! `cpu_temperature`: how warm the processor is.

use serde::Deserialize;

use super::TEMPERATURE;
use super::sensor::{Plan, SIMULATE};
use super::settings::{Common, Defaults, common_example};
use crate::control::devices::actions::READ;
use crate::control::{Blueprint, Kind};
use crate::domain::{Mistakes, PartAddress, Settings, Share, Span};
use crate::hardware::sensors::thermal_zone::{ThermalZone, file};

pub(in crate::control::devices) static KIND: Kind = Kind {
    name: "cpu_temperature",
    summary: "how warm the processor is, as the kernel tells",
    example: concat!(
        r#""zone": 0,               // the number of the folder thermal_zoneN in /sys/class/thermal
"precision": 1,          // decimals, 0 to 6
"plausible": { "min": -40, "max": 150 }, // °C that are believed"#,
        common_example!()
    ),
    actions: &[READ],
    simulated_actions: &[SIMULATE],
    unit: Some("°C"),
    range: DEFAULTS.range,
    read,
};

const DEFAULTS: Defaults =
    Defaults { interval: Span::from_millis(10_000), precision: 1, range: (-40.0, 150.0) };

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    zone: u8,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, common) = settings.read_both::<Given, Common>(mistakes)?;
    let sampling = common.sampling(DEFAULTS, settings, mistakes)?;
    let zone = given.zone;
    Some(Box::new(Plan {
        kind: &KIND,
        values: TEMPERATURE,
        bus: BUS.to_owned(),
        address: ("zone", PartAddress { place: file(zone).display().to_string(), share: Share::Whole }),
        probe: Box::new(move || Box::new(ThermalZone::new(zone))),
        sampling,
    }))
}

/// Such a file is no bus; it is read like one, because a driver may be behind it that waits.
const BUS: &str = "thermal";
