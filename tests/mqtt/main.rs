//! MQTT with a whole daemon over loopback, in the protocol's own packets.

#![allow(unreachable_pub, reason = "a test program has nobody outside")]

mod aliases;
mod answers;
mod commands;
mod connecting;
mod delivering;
mod documented;
mod exactly_once;
mod flow;
mod leases;
mod malformed;
mod newcomers;
mod older;
mod refusing;
mod sessions;
mod sharing;
mod statistics;
mod subscribing;
#[path = "../support/mod.rs"]
mod support;
mod wills;
