//! Every kind of device on simulated lines, with the time as an argument: nothing here waits.

#![allow(unreachable_pub, reason = "a test program has nobody outside")]

mod alerts;
mod bench;
mod buttons;
mod controller;
mod counters;
mod covers;
mod encoders;
mod groups;
mod interlocks;
mod leases;
mod lights;
mod max_on;
mod motor;
mod safety;
mod sequences;
mod signals;
#[path = "../support/mod.rs"]
mod support;
