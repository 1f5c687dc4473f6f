//! Frames and packets: pure functions from bytes to meaning and back.

pub mod http;
pub mod line;
pub mod mqtt;
pub mod reader;
