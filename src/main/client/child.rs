//! A command that runs while a lease is held.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gpio_gatekeeper::net::Waker;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

/// The running command.
pub(super) struct Running {
    child: Child,
    id: Pid,
    ended: Receiver<()>,
}

impl Running {
    /// Starts it; the waker rings at its end.
    pub(super) fn start(command: &mut Command, waker: Arc<Waker>) -> io::Result<Running> {
        let child = command.spawn()?;
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
        let (sender, ended) = channel();
        std::thread::Builder::new().name("command".to_owned()).spawn(move || {
            // It is left to be waited for, so that its id is nobody else's until then.
            while waitid(Id::Pid(id), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(nix::Error::EINTR) {
            }
            let _ = sender.send(());
            waker.wake();
        })?;
        Ok(Running { child, id, ended })
    }

    /// Its exit status as a shell has it, when it has ended.
    pub(super) fn status(&mut self) -> Option<u8> {
        self.ended.try_recv().ok()?;
        let status = self.child.wait().ok()?;
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
        Some(u8::try_from(code).unwrap_or(1))
    }

    /// Whether it ends in this time.
    pub(super) fn ends_within(&mut self, time: Duration) -> bool {
        let ended = self.ended.recv_timeout(time).is_ok();
        if ended {
            // That it has ended is all there is to know.
            let _ = self.child.wait();
        }
        ended
    }

    /// Sends it a signal, unless it has ended.
    pub(super) fn signal(&self, signal: Signal) {
        // It has not been waited for, so the id is its own.
        let _ = kill(self.id, signal);
    }
}
