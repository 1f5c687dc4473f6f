//! The kinds of devices: one file each, and one row in [`KINDS`].

mod actions;
mod blink;
mod button;
mod debounce;
mod input;
mod led;
mod motor;
mod output;
mod output_line;
mod pwm_led;
mod relay;
mod safety;
mod switch;

use super::{Blueprint, Kind};
use crate::domain::KindReader;

/// Every kind there is, in the order in which they are documented.
pub static KINDS: [&Kind; 7] =
    [&led::KIND, &relay::KIND, &output::KIND, &pwm_led::KIND, &button::KIND, &input::KIND, &motor::KIND];

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
