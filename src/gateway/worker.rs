//! The threads of the gateway that serve all clients: a panic ends one of them, and is told.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

use log::error;

/// Starts the thread `name`, called `what` in the log, which does its work and gives up all that belongs to it, and
/// then calls `ended` as its last act.
pub(super) fn start(
    name: &str,
    what: &'static str,
    work: impl FnOnce() + Send + 'static,
    ended: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(move || {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            error!("{what} panicked");
        }
        ended();
    })
}
