//! HTTP with a whole daemon over loopback: requests, health, metrics, and MQTT in WebSockets.

#![allow(unreachable_pub, reason = "a test program has nobody outside")]

mod documented;
mod health;
mod metrics;
mod requests;
#[path = "../support/mod.rs"]
mod support;
mod websocket;
mod websocket_crowd;
