//! The library of `esp32-client` on emulated microcontrollers, against the running daemon.

#[path = "../support/mod.rs"]
mod support;

mod budgets;
mod examples;
mod lab;
mod relay;
mod story;
