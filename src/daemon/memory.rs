//! Memory that nobody uses any more goes back to the system.
//!
//! The C library's allocator gives back only what is free at the end of one of its arenas.  Where much has waited for
//! slow or absent clients for a moment, one small thing at that end keeps all the rest: a peak of 20 MiB would stay for
//! months.  malloc_trim(3) gives back whole pages wherever they are; it has no safe wrapper, so it is called here, and
//! this is the only unsafe code.

#![allow(unsafe_code, reason = "malloc_trim(3) has no safe wrapper")]

use log::debug;

use crate::gateway::process;

/// Remembers what was in use, and what came of looking for more.
#[derive(Debug, Default)]
pub(super) struct Thrift {
    /// The least memory that was ever resident, in bytes.
    least: Option<u64>,
    /// So many looks pass before free memory is looked for again, and so many will when nothing comes of that.
    pause: u32,
    next_pause: u32,
}

/// So much memory, in bytes, is worth to be looked for.
const WORTH: u64 = 2 << 20;
/// What is in use for long is looked through so seldom, in looks.
const LONGEST_PAUSE: u32 = 32;

impl Thrift {
    /// Gives back what is free, if there may be much of it in what is `resident`, in bytes.
    pub(super) fn look(&mut self, resident: Option<u64>) {
        if let Some(resident) = resident.filter(|resident| self.is_due(*resident)) {
            give_back();
            let after = process::resident().unwrap_or(resident);
            debug!("of {} KiB of memory {} KiB are in use", resident >> 10, after >> 10);
            self.found(resident.saturating_sub(after));
        }
    }

    fn is_due(&mut self, resident: u64) -> bool {
        let least = self.least.map_or(resident, |least| least.min(resident));
        self.least = Some(least);
        self.pause = self.pause.saturating_sub(1);
        resident > least + WORTH && self.pause == 0
    }

    /// So many bytes were given back.
    fn found(&mut self, bytes: u64) {
        let again = (self.next_pause * 2).clamp(1, LONGEST_PAUSE);
        self.next_pause = if bytes >= WORTH { 1 } else { again };
        self.pause = self.next_pause;
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

    /// In which of these looks at so many MiB it is due, where looking brings what is above the others.
    fn due(looks: &[(u64, u64)]) -> Vec<bool> {
        let mut thrift = Thrift::default();
        let look = |(before, after): &(u64, u64)| {
            let is_due = thrift.is_due(before << 20);
            if is_due {
                thrift.found((before - after) << 20);
            }
            is_due
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn a_peak_is_given_back_as_long_as_something_comes_of_it() {
        let looks = [(5, 5), (7, 5), (9, 8), (30, 20), (20, 6), (6, 6), (9, 5)];
        assert_eq!(due(&looks), [false, false, true, true, true, false, true]);
    }

    #[test]
    fn what_stays_in_use_is_looked_through_ever_more_seldom() {
        let mut looks = vec![(5, 5)];
        looks.extend([(9, 9); 200]);
        let due = due(&looks);
        let places: Vec<_> = (0..due.len()).filter(|place| due[*place]).collect();
        assert_eq!(places, [1, 2, 4, 8, 16, 32, 64, 96, 128, 160, 192]);
    }
}
