//! Waits until the files of a channel may be written: the kernel makes them for root alone, and udev hands them over a
//! moment later.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::hardware::HardwareError;

/// udev needs some milliseconds, and more while a machine starts.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits for all of `files`, which are in `folder`, which is in `chip`.
pub(super) fn wait(chip: &Path, folder: &Path, files: &[PathBuf]) -> Result<(), HardwareError> {
    if writable(files)?.is_ok() {
        return Ok(());
    }
    let changes = changes_in(chip).map_err(|cause| failed(chip, cause))?;
    let until = Instant::now() + PATIENCE;
    loop {
        // It is watched before the files are looked at again, so that no change is missed; it may not be there yet.
        let _ = changes.add_watch(folder, AddWatchFlags::IN_ATTRIB);
        let Err(path) = writable(files)? else { return Ok(()) };
        let left = until.saturating_duration_since(Instant::now());
        let mut waiting = [PollFd::new(changes.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waiting, PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO)) {
            Ok(0) => return Err(denied(&path)),
            Ok(_) => drop(changes.read_events()),
            Err(Errno::EINTR) => {}
            Err(cause) => return Err(failed(chip, cause)),
        }
    }
}

/// What to say of a file that this user may not write.
pub(super) fn denied(path: &Path) -> HardwareError {
    HardwareError::Unsupported(format!(
        "{} may not be written by this user: PWM channels need a udev rule for SUBSYSTEM==\"pwm\" that gives them to a \
         group, as Raspberry Pi OS has for the group gpio, and the user in that group",
        path.display()
    ))
}

/// Nothing when all can be written, else the first one that can not, or not yet.
fn writable(files: &[PathBuf]) -> Result<Result<(), PathBuf>, HardwareError> {
    for path in files {
        match OpenOptions::new().write(true).open(path) {
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound) =>
            {
                return Ok(Err(path.clone()));
            }
            Err(cause) => {
                return Err(HardwareError::Call { call: format!("open {}", path.display()), cause });
            }
        }
    }
    Ok(Ok(()))
}

fn changes_in(chip: &Path) -> Result<Inotify, Errno> {
    let changes = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    let kinds = AddWatchFlags::IN_ATTRIB | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
    changes.add_watch(chip, kinds)?;
    Ok(changes)
}

fn failed(chip: &Path, cause: Errno) -> HardwareError {
    HardwareError::Call { call: format!("watch {}", chip.display()), cause: cause.into() }
}
