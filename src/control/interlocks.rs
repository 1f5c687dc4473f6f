//! Interlocks: who may not go on because another one is on, or was a moment ago.
//!
//! A device that is in an unknown state counts as on, and one that changes by itself counts as on all the while.

use std::time::{Duration, Instant};

use super::Activity;
use crate::domain::{Code, DeviceName, Refusal};

/// The interlocks among the devices of one controller, which are known by their places.
pub(super) struct Interlocks {
    names: Vec<DeviceName>,
    groups: Vec<Group>,
    /// What each device does.
    rests: Vec<Rest>,
    /// Devices that have gone off since the clock was last read.
    fresh: Vec<usize>,
}

struct Group {
    name: String,
    members: Vec<usize>,
    dead_time: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// It is on, or may be.
    Active,
    /// It went off after the clock was last read: nobody knows how long ago.
    Fresh,
    /// It went off before this moment.
    Since(Instant),
}

impl Interlocks {
    /// None yet, on these devices, which all have just gone off as far as anybody knows.
    pub(super) fn new(names: Vec<DeviceName>) -> Interlocks {
        let (rests, fresh) = (vec![Rest::Fresh; names.len()], (0..names.len()).collect());
        Interlocks { names, groups: Vec::new(), rests, fresh }
    }

    /// Adds a group.
    pub(super) fn add(&mut self, name: String, members: Vec<usize>, dead_time: Duration) {
        self.groups.push(Group { name, members, dead_time });
    }

    /// The clock was read: everything that has gone off has done so before.
    ///
    /// A write to the hardware may take long, so that what the clock said before it is not when the device was off.
    pub(super) fn stamp(&mut self, now: Instant) {
        for device in self.fresh.drain(..) {
            if self.rests[device] == Rest::Fresh {
                self.rests[device] = Rest::Since(now);
            }
        }
    }

    /// Takes note of what a device does.
    pub(super) fn note(&mut self, device: usize, activity: Activity) {
        match (activity, self.rests[device]) {
            (Activity::Active, _) => self.rests[device] = Rest::Active,
            (Activity::Idle, Rest::Active) => {
                self.rests[device] = Rest::Fresh;
                self.fresh.push(device);
            }
            (Activity::Idle, Rest::Fresh | Rest::Since(_)) => {}
        }
    }

    /// Why a device may not go on now.
    pub(super) fn blocker(&self, device: usize, now: Instant) -> Option<Refusal> {
        for group in self.groups.iter().filter(|group| group.members.contains(&device)) {
            for other in group.members.iter().filter(|other| **other != device) {
                let why = match self.rests[*other] {
                    Rest::Active => "which is on".to_owned(),
                    Rest::Fresh if group.dead_time.is_zero() => continue,
                    Rest::Fresh => "which has just gone off".to_owned(),
                    Rest::Since(since) => {
                        let left = (since + group.dead_time).saturating_duration_since(now);
                        if left.is_zero() {
                            continue;
                        }
                        format!("for another {:.3}s of its dead time", left.as_secs_f64())
                    }
                };
                let [blocked, blocker] = [device, *other].map(|device| &self.names[device]);
                let message = format!("{blocked} is blocked by {blocker}, {why} (interlock {})", group.name);
                return Some(Refusal::new(Code::Interlocked, message));
            }
        }
        None
    }

    /// Two devices of one group that are on.
    pub(super) fn conflict(&self) -> Option<[&DeviceName; 2]> {
        self.groups.iter().find_map(|group| {
            let mut active = group.members.iter().filter(|member| self.rests[**member] == Rest::Active);
            Some([&self.names[*active.next()?], &self.names[*active.next()?]])
        })
    }
}
