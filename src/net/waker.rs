//! What wakes a thread that waits on a socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// An eventfd: any thread rings it, one thread waits for it.
#[derive(Debug)]
pub struct Waker(EventFd);

impl Waker {
    /// A waker that nobody has rung yet.
    pub fn new() -> io::Result<Waker> {
        Ok(Waker(EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?))
    }

    /// Ends the present or next wait.  Ringing twice is ringing once.
    pub fn wake(&self) {
        // The only failure is a counter at its limit, and then it has been rung already.
        let _ = self.0.write(1);
    }

    /// Makes it as if it had not been rung.
    pub fn clear(&self) {
        // The only failure is that nobody has rung.
        let _ = self.0.read();
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
