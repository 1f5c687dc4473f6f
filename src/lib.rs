//! GPIO Gatekeeper: one process owns the GPIO lines of a board, and everybody else talks to it.
//!
//! The modules stand in the order in which a command passes through them:
//!
//! ```text
//! bytes -> net -> wire -> gateway -> Command -> control -> hardware
//! bytes <- net <- wire <- gateway <- Reply, Event <- control
//! ```
//!
//! [`client`] is the other side of the line protocol. [`domain`] is the vocabulary that all of them speak.  Who may use whom is written down in
//! `tests/architecture.rs`, which enforces it.

pub mod auth;
pub mod client;
pub mod config;
pub mod control;
pub mod daemon;
pub mod domain;
pub mod gateway;
pub mod hardware;
pub mod net;
pub mod wire;
