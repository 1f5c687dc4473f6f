//! Chips that go away.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::chips::FOLDER;

/// Becomes readable when something was removed from `/dev`.
///
/// Older kernels (6.1) wake nobody who waits for the edges of a chip that is unplugged, unless the wait begins
/// afterwards.  So this ends the wait, and the next one finds out.  The kernel cuts a chip off before it removes its
/// file, so that there is nothing to miss in between.  Where `/dev` is not the kernel's own, as in some containers, a
/// device learns of it when it next uses the line.
pub(super) struct Removals {
    inotify: Inotify,
}

impl Removals {
    /// Begins to watch.
    pub(super) fn watch() -> Result<Removals, Errno> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        inotify.add_watch(FOLDER, AddWatchFlags::IN_DELETE)?;
        Ok(Removals { inotify })
    }

    /// What becomes readable.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    /// Takes note of them, so that it is readable with the next one only.
    pub(super) fn drain(&self) {
        while self.inotify.read_events().is_ok_and(|events| !events.is_empty()) {}
    }
}
