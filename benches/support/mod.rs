//! What the benchmarks are made of: servers, clients, turns, and a table at the end.

#![allow(unreachable_pub, reason = "a program has no users of its items")]

pub mod clients;
pub mod floor;
pub mod memory;
pub mod servers;
pub mod startup;
pub mod status;
pub mod table;
pub mod turns;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Keeps this thread, and every process that it starts from now on, on the last core that it may use.
pub fn pin_to_one_core() -> nix::Result<usize> {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this)?;
    let may_use = |core: &usize| allowed.is_set(*core) == Ok(true);
    let core = (0..CpuSet::count()).rev().find(may_use).ok_or(nix::Error::EINVAL)?;
    let mut one = CpuSet::new();
    one.set(core)?;
    sched_setaffinity(this, &one)?;
    Ok(core)
}

/// The value in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
