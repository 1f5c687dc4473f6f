//! The hardware thread: the one place where commands meet lines.
//!
//! Commands, edges and the order to stop reach it through one inbox; holders of leases go first, and each connection
//! in its order.  It waits in the kernel for the next of them or for its own next deadline, and it alone calls the
//! hardware.  [`Controller`] is that thread
//! without the thread: it is told the time and never asks for it.

mod alerts;
mod build;
mod controller;
mod device;
pub mod devices;
mod faults;
mod inbox;
mod interlocks;
mod lanes;
mod latency;
mod leases;
mod links;
mod pulse;
mod replug;
mod rewiring;
mod safe_states;
mod sensing;
mod sequences;
mod station;
mod tether;
mod thread;
mod watching;

pub use alerts::{Keep, Keeper, Keeps};
pub use build::{Audited, BuildCause, BuildError, Plan, Planned};
pub use controller::Controller;
pub use device::{
    Activity, Beginning, Bench, Blueprint, Device, Guards, Kind, Observation, Occasion, Protection, Ticked,
};
pub use inbox::{Commands, Now, Recipient, Request, Requests};
pub use latency::{BOUNDS, Latencies, Latency};
pub use leases::{Access, Answer};
pub use pulse::{NoPulse, SignsOfLife};
pub use rewiring::Wiring;
pub use safe_states::{SafeState, SafeStates};
pub use sensing::Asking;
pub use tether::{ConnectionId, Tether};
pub use thread::{Ended, EventSink, HardwareThread, StartError};
