//! The line protocol with a whole daemon over loopback, in the protocol's own words.

#![allow(unreachable_pub, reason = "a test program has nobody outside")]

mod between;
mod commands;
mod crowding;
mod framing;
mod kinds;
mod leases;
mod living;
mod safety;
mod stale;
#[path = "../support/mod.rs"]
mod support;
mod watching;
