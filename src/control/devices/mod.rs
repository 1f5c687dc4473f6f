//! The kinds of devices: one file each, and one row in [`KINDS`].

mod actions;
mod blink;
mod button;
mod counter;
mod cover;
mod cover_drive;
mod debounce;
mod digital_group;
mod effect;
mod input;
mod led;
mod line_sensor;
mod motion;
mod motor;
mod opposed;
mod output;
mod output_line;
mod press;
mod pwm_led;
mod quadrature;
mod relay;
mod rotary_encoder;
mod safety;
mod signal;
mod software_pwm;
mod switch;
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
    &button::KIND,
    &input::KIND,
    &motion::KIND,
    &line_sensor::KIND,
    &counter::KIND,
    &rotary_encoder::KIND,
    &motor::KIND,
    &cover::KIND,
    &digital_group::KIND,
];

/// The kinds as the configuration knows them.
pub fn readers() -> Vec<KindReader<Box<dyn Blueprint>>> {
    KINDS.iter().map(|kind| KindReader { name: kind.name, example: kind.example, read: kind.read }).collect()
}

/// The kind of this name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name).copied()
}
