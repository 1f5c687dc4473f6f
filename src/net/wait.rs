//! Waiting in the kernel for a socket, a waker or a moment, whichever is first.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Waker;

/// What of the socket is worth waking for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interest {
    /// Bytes to read, or the end of the stream.
    pub read: bool,
    /// Room to write.
    pub write: bool,
}

/// What the wait was ended by; nothing at all when its time had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ready {
    /// The socket can be read, or has failed.
    pub read: bool,
    /// The socket can be written, or has failed.
    pub write: bool,
    /// The connection is gone in both directions: reading or writing will say why.
    pub gone: bool,
    /// Somebody rang the waker; it is cleared.
    pub woken: bool,
}

/// The longest single wait: poll(2) counts milliseconds in 31 bits.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Waits until the socket is ready for what is of interest, until the waker rings, or until `until`.
pub fn wait(
    socket: BorrowedFd<'_>,
    interest: Interest,
    waker: &Waker,
    until: Option<Instant>,
) -> io::Result<Ready> {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::POLLIN, interest.read);
    flags.set(PollFlags::POLLOUT, interest.write);
    loop {
        let mut fds = [PollFd::new(socket, flags), PollFd::new(waker.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout(until)) {
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let seen = fds[0].revents().unwrap_or(PollFlags::empty());
        let woken = fds[1].revents().is_some_and(|flags| !flags.is_empty());
        if woken {
            waker.clear();
        }
        let gone = seen.intersects(PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL);
        return Ok(Ready {
            read: seen.contains(PollFlags::POLLIN),
            write: seen.contains(PollFlags::POLLOUT),
            gone,
            woken,
        });
    }
}

/// Rounded up, so that no wait ends before its time.
fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else { return PollTimeout::NONE };
    let left = until.saturating_duration_since(Instant::now()).min(LONGEST);
    let milliseconds = left.as_micros().div_ceil(1000);
    // LONGEST keeps it far below the limit.
    i32::try_from(milliseconds).ok().and_then(|ms| PollTimeout::try_from(ms).ok()).unwrap_or(PollTimeout::MAX)
}
