//! MQTT: one client's conversation, its translation into commands, and the broker that all clients share.

pub mod broker;
pub mod json;
mod reasons;
pub(super) mod translate;
