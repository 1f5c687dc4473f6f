//! Trials: functions that take any bytes whatever, and panic where the gatekeeper breaks a promise.  The fuzz targets
//! run them, and so does `tests/trials.rs` with the inputs that were found to be of interest.

#![allow(dead_code, unreachable_pub, reason = "every test uses its part")]

mod choices;
pub mod codecs;
pub mod connection;
pub mod network;
pub mod players;
mod stage;

/// One of them.
pub type Trial = fn(&[u8]);

/// All of them, by the names of the fuzz targets.
pub const TRIALS: [(&str, Trial); 4] = [
    ("packet", codecs::packet),
    ("line", codecs::line),
    ("filter", codecs::filter),
    ("connection", connection::run),
];
