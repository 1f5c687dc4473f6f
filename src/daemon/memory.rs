//! Memory that nobody uses any more goes back to the system.
//!
//! The C library's allocator gives back only what is free at the end of one of its arenas.  Where much has waited for
//! slow or absent clients for a moment, one small thing at that end keeps all the rest: a peak of 20 MiB would stay for
//! months.  malloc_trim(3) gives back whole pages wherever they are; it has no safe wrapper, so it is called here, and
//! this is the only unsafe code.

#![allow(unsafe_code, reason = "malloc_trim(3) has no safe wrapper")]

use log::debug;

use crate::gateway::process;

/// Remembers what was in use.
#[derive(Debug, Default)]
pub(super) struct Thrift {
    /// The memory that was resident when as little of it was free as could be, in bytes.
    least: Option<u64>,
}

/// So much more than that, in bytes, is worth to be looked through.
const WORTH: u64 = 2 << 20;

impl Thrift {
    /// Gives back what is free, if more has become resident since the last time.
    pub(super) fn look(&mut self) {
        if let Some(resident) = process::resident().filter(|resident| self.is_due(*resident)) {
            give_back();
            let after = process::resident().unwrap_or(resident);
            debug!(
                "{} KiB of memory given back, {} KiB in use",
                resident.saturating_sub(after) >> 10,
                after >> 10
            );
            self.least = Some(after);
        }
    }

    fn is_due(&mut self, resident: u64) -> bool {
        let least = *self.least.get_or_insert(resident);
        self.least = Some(least.min(resident));
        resident > least + WORTH
    }
}

/// Threads that allocate at this moment may wait for as long as it takes to look through one arena, which is less than
/// a millisecond for some MiB.
#[cfg(target_env = "gnu")]
fn give_back() {
    // SAFETY: it is safe in every thread at any time (malloc_trim(3), ATTRIBUTES), and touches only what is free.
    unsafe {
        nix::libc::malloc_trim(0);
    }
}

/// Other C libraries have no such call, and some no need for it.
#[cfg(not(target_env = "gnu"))]
fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_when_much_has_come() {
        let mut thrift = Thrift::default();
        let looks = [8, 9, 10, 11, 7, 9, 10].map(|mib| thrift.is_due(mib << 20));
        assert_eq!(looks, [false, false, false, true, false, false, true]);
    }
}
