//! MQTT with a whole daemon over loopback, in the protocol's own packets.

mod commands;
mod connecting;
mod refusing;
mod subscribing;
#[path = "../support/mod.rs"]
mod support;
