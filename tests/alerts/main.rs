//! Thresholds and alerts of a whole daemon, over both protocols.

#![allow(unreachable_pub, reason = "a test program has nobody outside")]

mod deciding;
mod keeping;
mod orders;
mod sensing;
#[path = "../support/mod.rs"]
mod support;
mod telling;

use serde_json::Value as Json;

/// JSON out of a payload.
fn parse(payload: &str) -> Json {
    serde_json::from_str(payload).unwrap_or_else(|error| panic!("{error}: {payload}"))
}
