//! SIGHUP: files that may have changed are read anew.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

/// The thread that waits for the signal.
pub(crate) struct Hangup {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// Keeps the signal from this thread and from all that it starts from now on, so that one of them can wait for it.
pub(crate) fn hold_back() -> nix::Result<()> {
    signals().thread_block()
}

fn signals() -> SigSet {
    SigSet::from(Signal::SIGHUP)
}

impl Hangup {
    /// Calls `act` whenever the signal comes.
    pub(crate) fn start(act: impl Fn() + Send + 'static) -> io::Result<Hangup> {
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        let thread = std::thread::Builder::new().name("hangup".to_owned()).spawn(move || {
            while signals().wait().is_ok() && !ended.load(Ordering::Acquire) {
                act();
            }
        })?;
        Ok(Hangup { over, thread })
    }

    /// Ends the thread, which waits for a signal and so gets one.
    pub(crate) fn stop(self) {
        self.over.store(true, Ordering::Release);
        if kill(Pid::this(), Signal::SIGHUP).is_ok() {
            let _ = self.thread.join();
        }
    }
}
