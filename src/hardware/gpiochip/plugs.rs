//! Chips that go away, and chips that come.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::chips::FOLDER;

/// Becomes readable when something went away from `/dev`, has come, or may be opened by others than before.
///
/// Older kernels (6.1) wake nobody who waits for the edges of a chip that is unplugged, unless the wait begins
/// afterwards.  So this ends the wait, and the next one finds out.  The kernel cuts a chip off before it removes its
/// file, so that there is nothing to miss in between.  Where `/dev` is not the kernel's own, as in some containers, a
/// device learns of it when it next uses the line.
pub(super) struct Plugs {
    inotify: Inotify,
}

impl Plugs {
    /// Begins to watch.
    pub(super) fn watch() -> Result<Plugs, Errno> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        // A new chip is the kernel's first; udev then gives it to its group.
        let changes = AddWatchFlags::IN_DELETE | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_ATTRIB;
        inotify.add_watch(FOLDER, changes)?;
        Ok(Plugs { inotify })
    }

    /// What becomes readable.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    /// Takes note of all that happened; true when there may be a chip that could not be opened before.
    pub(super) fn have_come(&self) -> bool {
        let mut come = false;
        while let Ok(events) = self.inotify.read_events() {
            come |= events.into_iter().filter_map(|event| event.name).any(|name| is_chip(&name));
        }
        come
    }
}

/// Whether there is a chip of this name.  The kernel takes all permissions from a file before it removes it.
fn is_chip(name: &OsStr) -> bool {
    let metadata = || fs::metadata(Path::new(FOLDER).join(name));
    name.as_bytes().starts_with(b"gpiochip") && metadata().is_ok_and(|file| file.mode() & 0o777 != 0)
}
