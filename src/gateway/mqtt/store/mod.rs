//! The store: sessions and retained messages on a disk, so that they outlive the daemon.
//!
//! ```text
//! bus, clients -> Journal -> store thread -> sessions.log
//!                                 └─ Mirror (the same as it is now) -> a shorter sessions.log
//! ```
//!
//! What may only be said when it is durable goes with its entries to the store, which puts it into the outbox when
//! they are on the disk.  Nobody waits for the disk but the store.

mod attended;
mod clock;
mod entry;
mod file;
mod journal;
mod mirror;
mod record;
#[cfg(test)]
mod tests;
mod thread;

pub use attended::Attended;
pub use entry::{Entry, SessionNumber};
pub use file::OpenError;
pub use journal::Journal;
#[cfg(test)]
pub(super) use journal::Post;
pub use mirror::Mirror;
pub(super) use mirror::{Session as KeptSession, Stage};
pub use thread::Store;
