//! Closing time: what tells every thread at once that nobody is served any more.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use super::{Interest, Ready, Waker, wait};

/// Announced once, and for all who wait now or later.  For connections that have no outbox which could be closed.
#[derive(Debug)]
pub struct Closing(Waker);

impl Closing {
    /// Not yet.
    pub fn new() -> io::Result<Closing> {
        Waker::new().map(Closing)
    }

    /// Now.
    pub fn announce(&self) {
        self.0.wake();
    }

    /// Waits for the socket or until `until`, but not beyond closing time: then the connection counts as gone.
    pub fn wait(&self, socket: BorrowedFd<'_>, interest: Interest, until: Instant) -> io::Result<Ready> {
        let mut ready = wait(socket, interest, &self.0, Some(until))?;
        if ready.woken {
            // Waiting has cleared it, so whoever is woken tells the next.
            self.0.wake();
            ready.gone = true;
        }
        Ok(ready)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd;
    use std::time::Duration;

    use super::*;

    #[test]
    fn everybody_is_told() {
        let closing = Closing::new().expect("an eventfd");
        let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let until = Instant::now() + Duration::from_secs(20);
        let interest = Interest { read: true, write: false };
        std::thread::scope(|scope| {
            let wait = || closing.wait(silent.as_fd(), interest, until).expect("it can wait").gone;
            let waiting: Vec<_> = (0..10).map(|_| scope.spawn(wait)).collect();
            closing.announce();
            assert!(waiting.into_iter().all(|thread| thread.join().expect("it ends well")));
            assert!(wait(), "who comes later is told as well");
        });
        assert!(Instant::now() < until);
    }
}
