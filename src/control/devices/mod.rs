//! The kinds of devices: one file each, and one row in [`KINDS`].

mod actions;
mod blink;
mod bridge;
mod button;
mod buzzer;
mod color;
mod counter;
mod cover;
mod cover_drive;
mod debounce;
mod digital_group;
mod dimmer;
mod duty_policy;
mod effect;
mod fan;
mod heater;
mod input;
mod led;
mod light;
mod line_sensor;
mod motion;
mod motor;
mod opposed;
mod output;
mod output_line;
mod press;
mod pwm;
mod pwm_led;
mod pwm_output;
mod pwm_source;
mod quadrature;
mod raw_line;
mod relay;
mod rgb_led;
mod rotary_encoder;
mod safety;
mod sensors;
mod servo;
mod signal;
mod software_pwm;
mod switch;
mod tachometer;
mod tone;
mod travel;

use super::{Blueprint, Kind};
use crate::domain::KindReader;

/// Every kind there is, in the order in which they are documented.
#[rustfmt::skip]
pub static KINDS: &[&Kind] = &[
    &led::KIND,
    &relay::KIND,
    &output::KIND,
    &pwm_led::KIND,
    &pwm::KIND,
    &fan::KIND,
    &heater::KIND,
    &servo::KIND,
    &buzzer::KIND,
    &rgb_led::KIND,
    &button::KIND,
    &input::KIND,
    &motion::KIND,
    &line_sensor::KIND,
    &counter::KIND,
    &rotary_encoder::KIND,
    &motor::KIND,
    &cover::KIND,
    &digital_group::KIND,
    &raw_line::KIND,
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
    let reader = |kind: &&'static Kind| KindReader {
        name: kind.name,
        example: kind.example,
        settable: kind.settable(),
        read: kind.read,
    };
    KINDS.iter().map(reader).collect()
}

/// The kind of this name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name).copied()
}
