//! Patience: how a connection waits that is no client yet, until it is dismissed.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Instant;

use super::{Interest, Ready, Seat, Waker, wait};

/// Waits for a newcomer's socket, and hears when the newcomer has to go.
#[derive(Debug)]
pub struct Patience(Arc<Waker>);

impl Patience {
    /// For the newcomer on this seat.
    pub fn of(seat: &Seat) -> io::Result<Patience> {
        let waker = Arc::new(Waker::new()?);
        let bell = waker.clone();
        seat.on_dismissal(move |_| bell.wake());
        Ok(Patience(waker))
    }

    /// Waits for the socket or until `until`; a connection that is dismissed counts as gone.
    pub fn wait(&self, socket: BorrowedFd<'_>, interest: Interest, until: Instant) -> io::Result<Ready> {
        let ready = wait(socket, interest, &self.0, Some(until))?;
        if ready.woken {
            // It is told again at every further wait.
            self.0.wake();
        }
        Ok(Ready { gone: ready.gone || ready.woken, ..ready })
    }
}
