//! Chips that go away, and chips that come.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::super::ChipNews;
use super::chips::FOLDER;

/// Becomes readable when something went away from `/dev`, has come, or may be opened by others than before.
///
/// Older kernels (6.1) wake nobody who waits for the edges of a chip that is unplugged, unless the wait begins
/// afterwards.  So this ends the wait, and the next one finds out.  The kernel cuts a chip off before it removes its
/// file, so that there is nothing to miss in between.
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

    /// What happened to chips since the last look.
    pub(super) fn news(&self) -> Vec<ChipNews> {
        let mut news = Vec::new();
        while let Ok(events) = self.inotify.read_events() {
            for event in events {
                let name = event.name.unwrap_or_default();
                let Some(chip) = name.to_str().filter(|name| name.starts_with("gpiochip")) else { continue };
                if event.mask.contains(AddWatchFlags::IN_DELETE) {
                    news.push(ChipNews::Gone(chip.into()));
                } else if has_permissions(chip) {
                    news.push(ChipNews::Came(chip.into()));
                }
            }
        }
        news
    }
}

/// The kernel takes all permissions from a file before it removes it, which is no reason to look whether it may be
/// opened now.
fn has_permissions(chip: &str) -> bool {
    fs::metadata(Path::new(FOLDER).join(chip)).is_ok_and(|file| file.mode() & 0o777 != 0)
}
