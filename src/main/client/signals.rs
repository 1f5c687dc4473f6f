//! Signals as messages, for words that last until somebody ends them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use gpio_gatekeeper::client::Failure;
use gpio_gatekeeper::net::Waker;
use nix::sys::signal::{SigSet, Signal};

fn set() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect()
}

/// Lets through again what another program has held back that has started this one.
pub(super) fn let_through() -> nix::Result<()> {
    set().thread_unblock()
}

/// Holds back the signals that would end the program, and gives them as they come; each rings the waker.
/// Before there is any other thread, so that all of them hold them back.
pub(super) fn listen(waker: Arc<Waker>) -> Result<Receiver<Signal>, Failure> {
    let broken = |error: &dyn std::fmt::Display| Failure::Settings(format!("no signals: {error}"));
    let set = set();
    set.thread_block().map_err(|error| broken(&error))?;
    let (sender, signals) = channel();
    // It ends with the program: nobody can wait for a thread that waits for a signal.
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            while let Ok(signal) = set.wait() {
                if sender.send(signal).is_err() {
                    return;
                }
                waker.wake();
            }
        })
        .map_err(|error| broken(&error))?;
    Ok(signals)
}
