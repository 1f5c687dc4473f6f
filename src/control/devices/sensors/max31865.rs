//! `max31865`: a platinum thermometer on an SPI bus.

use serde::Deserialize;

use super::TEMPERATURE_AND_RESISTANCE;
use super::sensor::{Plan, SIMULATE};
use super::settings::{Common, Defaults, DeviceFile, common_example};
use crate::control::devices::actions::READ;
use crate::control::{Blueprint, Kind};
use crate::domain::{Mistakes, PartAddress, Settings, Share, Span};
use crate::hardware::buses::Part;
use crate::hardware::sensors::OnSpi;
use crate::hardware::sensors::max31865::{Mains, Max31865, SPI_MODE, Thermometer, Wires};

pub(in crate::control::devices) static KIND: Kind = Kind {
    name: "max31865",
    summary: "a platinum thermometer at a MAX31865 on an SPI bus",
    example: concat!(
        r#""device": "/dev/spidev0.0", // the SPI bus and its chip select
"reference": 430,        // ohms of the reference resistor, 100 to 10000: 430 on most boards for a PT100
"zero": 100,             // ohms of the thermometer at 0 °C: 100 for a PT100, 1000 for a PT1000; 10 to 10000
"wires": 2,              // 2, 3 or 4 wires to the thermometer
"mains": 50,             // 50 or 60 hertz, which is filtered
"precision": 1,          // decimals, 0 to 6
"plausible": { "min": -200, "max": 850 }, // °C that are believed"#,
        common_example!()
    ),
    actions: &[READ],
    simulated_actions: &[SIMULATE],
    unit: Some("°C"),
    range: DEFAULTS.range,
    read,
};

const DEFAULTS: Defaults =
    Defaults { interval: Span::from_millis(10_000), precision: 1, range: (-200.0, 850.0) };

#[derive(Deserialize)]
struct Given {
    #[serde(default = "device")]
    device: DeviceFile,
    reference: f64,
    #[serde(default = "zero")]
    zero: f64,
    wires: u8,
    #[serde(default = "mains")]
    mains: u8,
}

fn device() -> DeviceFile {
    DeviceFile("/dev/spidev0.0".to_owned())
}

fn zero() -> f64 {
    100.0
}

fn mains() -> u8 {
    50
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, common) = settings.read_both::<Given, Common>(mistakes)?;
    let sampling = common.sampling(DEFAULTS, settings, mistakes);
    let thermometer = thermometer(&given, settings, mistakes);
    let (sampling, thermometer, device) = (sampling?, thermometer?, given.device);
    Some(Box::new(Plan {
        kind: &KIND,
        values: TEMPERATURE_AND_RESISTANCE,
        bus: device.bus().to_owned(),
        address: ("device", PartAddress { place: device.0.clone(), share: Share::Whole }),
        probe: Box::new(move || {
            let driver = Max31865::new(thermometer);
            Box::new(OnSpi::new(device.0.clone(), SPI_MODE, Part::Max31865, driver))
        }),
        sampling,
    }))
}

fn thermometer(given: &Given, settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Thermometer> {
    let before = mistakes.found.len();
    let mut wrong = |key: &str, message: &str| settings.mistake(key, message, mistakes);
    if !(100.0..=10_000.0).contains(&given.reference) {
        wrong("reference", "reference is from 100 to 10000 ohms");
    }
    if !(10.0..=10_000.0).contains(&given.zero) {
        wrong("zero", "zero is from 10 to 10000 ohms");
    }
    if !(2..=4).contains(&given.wires) {
        wrong("wires", "wires is 2, 3 or 4");
    }
    if given.mains != 50 && given.mains != 60 {
        wrong("mains", "mains is 50 or 60 hertz");
    }
    let thermometer = Thermometer {
        reference: given.reference,
        zero: given.zero,
        wires: if given.wires == 3 { Wires::Three } else { Wires::TwoOrFour },
        mains: if given.mains == 60 { Mains::Hertz60 } else { Mains::Hertz50 },
    };
    (mistakes.found.len() == before).then_some(thermometer)
}
