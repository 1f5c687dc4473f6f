//! MQTT with a whole daemon over loopback, in the protocol's own packets.

#![allow(unreachable_pub, reason = "a test program has nobody outside")]

mod aliases;
mod commands;
mod connecting;
mod documented;
mod exactly_once;
mod refusing;
mod sessions;
mod statistics;
mod subscribing;
#[path = "../support/mod.rs"]
mod support;
