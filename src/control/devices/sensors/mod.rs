//! Sensors: one file for each kind, and what all of them have in common.
//!
//! ```text
//! sampling   what is made of a reading: offset, plausibility, median, decimals
//! settings   the settings that all of them have
//! sensor     the device: when it asks, and what it tells
//! ```

pub(super) mod ads1115;
pub(super) mod aht;
pub(super) mod cpu_temperature;
pub(super) mod ds18b20;
pub(super) mod emc2101;
pub(super) mod max31865;
pub(super) mod pt100;
mod sampling;
mod sensor;
mod settings;
pub(super) mod simulated;
mod thermal;
pub(super) mod tmp102;

/// The numbers of a kind's states besides `value`.
#[derive(Clone, Copy)]
struct Values {
    /// Each with its unit; the first is `value` under its own name.
    units: &'static [(&'static str, &'static str)],
    /// The names alone, in the same order.
    names: &'static [&'static str],
}

const TEMPERATURE: Values = Values { units: &[("temperature", "°C")], names: &["temperature"] };
const TEMPERATURE_AND_RESISTANCE: Values =
    Values { units: &[("temperature", "°C"), ("resistance", "Ω")], names: &["temperature", "resistance"] };
