//! Every kind of device on simulated lines, with the time as an argument: nothing here waits.

mod bench;
mod buttons;
mod controller;
mod lights;
mod motor;
#[path = "../support/mod.rs"]
mod support;
