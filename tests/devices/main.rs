//! Every kind of device on simulated lines, with the time as an argument: nothing here waits.

#![allow(unreachable_pub, reason = "a test program has nobody outside")]

mod alerts;
mod bench;
mod buses;
mod buttons;
mod buzzer;
mod controller;
mod counters;
mod covers;
mod dimmers;
mod encoders;
mod fan;
mod faults;
mod groups;
mod heater;
mod interlocks;
mod leases;
mod lights;
mod links;
mod max_on;
mod motor;
mod motor_speed;
mod raw_lines;
mod rgb_led;
mod safety;
mod sensors;
mod sequences;
mod servo;
mod signals;
#[path = "../support/mod.rs"]
mod support;
