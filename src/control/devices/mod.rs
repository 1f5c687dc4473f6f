//! The kinds of devices: one file each, and one row in [`KINDS`].

mod actions;
mod blink;
mod button;
mod debounce;
mod effect;
mod input;
mod led;
mod line_sensor;
mod motion;
mod motor;
mod output;
mod output_line;
mod pwm_led;
mod relay;
mod safety;
mod sensors;
mod signal;
mod software_pwm;
mod switch;

use super::{Blueprint, Kind};
use crate::domain::KindReader;

/// Every kind there is, in the order in which they are documented.
#[rustfmt::skip]
pub static KINDS: &[&Kind] = &[
    &led::KIND,
    &relay::KIND,
    &output::KIND,
    &pwm_led::KIND,
    &button::KIND,
    &input::KIND,
    &motion::KIND,
    &line_sensor::KIND,
    &motor::KIND,
    &sensors::aht::AHT10,
    &sensors::aht::AHT20,
    &sensors::tmp102::KIND,
    &sensors::emc2101::KIND,
    &sensors::ads1115::KIND,
    &sensors::pt100::KIND,
    &sensors::max31865::KIND,
    &sensors::ds18b20::KIND,
    &sensors::cpu_temperature::KIND,
    &sensors::simulated::KIND,
];

/// The kinds as the configuration knows them.
pub fn readers() -> Vec<KindReader<Box<dyn Blueprint>>> {
    KINDS.iter().map(|kind| KindReader { name: kind.name, example: kind.example, read: kind.read }).collect()
}

/// The kind of this name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name).copied()
}
