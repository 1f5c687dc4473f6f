//! SIGHUP: files that may have changed are read anew.

use std::io;

use log::error;
use nix::sys::signal::{SigSet, Signal};

/// The signal, kept from every thread that starts from now on.
pub(crate) struct Hangup(SigSet);

impl Hangup {
    /// Has to be called while there is only one thread: others would still take the signal as it is.
    pub(crate) fn hold_back() -> io::Result<Hangup> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGHUP);
        signals.thread_block()?;
        Ok(Hangup(signals))
    }

    /// Calls `act` whenever the signal comes, on a thread that ends with the program.
    pub(crate) fn on_signal(self, act: impl Fn() + Send + 'static) -> io::Result<()> {
        let listen = move || {
            loop {
                match self.0.wait() {
                    Ok(_) => act(),
                    Err(error) => return error!("SIGHUP can't be waited for: {error}"),
                }
            }
        };
        std::thread::Builder::new().name("hangup".to_owned()).spawn(listen).map(drop)
    }
}
