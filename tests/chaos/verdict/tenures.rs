//! Tenures: when a client was sure to hold a device.

use super::super::books::{Act, Deed};
use super::super::clock::Moment;
use super::Index;
use super::history::{Histories, History, Under};

/// A time in which a client was sure to hold a device.
#[derive(Debug)]
pub struct Tenure {
    pub client: usize,
    pub device: usize,
    pub token: u64,
    pub from: Moment,
    pub until: Moment,
    /// Since when its token is worth nothing for sure.
    pub stale: Moment,
}

/// All of them.
pub fn all(index: &Index<'_>, histories: &Histories<'_>) -> Vec<Tenure> {
    let mut found = Vec::new();
    for (client, history) in histories.of.iter().enumerate() {
        for (&token, under) in &history.leases {
            for &device in under.devices {
                let (from, until, stale) = bounds(index, histories, history, under, device);
                found.push(Tenure { client, device, token, from, until, stale });
            }
        }
    }
    found
}

/// A tenure begins with the answer to what granted it, and lasts until its time after the last sign of life under it that was
/// answered had been sent.
fn bounds(
    index: &Index<'_>,
    histories: &Histories<'_>,
    history: &History<'_>,
    under: &Under<'_>,
    device: usize,
) -> (Moment, Moment, Moment) {
    let ttl = history.book.ttl;
    let (place, granted) = under.granted;
    let (from, mut until, mut stale) = (granted.settled, granted.sent + ttl, Moment::MAX);
    // Another lease of its own on the device takes that out of this one.
    let next = history.book.deeds[place + 1..].iter().find(|next| takes(next, device));
    let moved = next.map_or(Moment::MAX, |next| next.fate.sent);
    if let Some(next) = next.filter(|next| next.fate.is_done()) {
        stale = stale.min(next.fate.settled);
    }
    let writes = under.writes.iter().map(|command| &command.fate);
    let signs = under.renewals.iter().copied().chain(writes);
    for sign in signs.filter(|sign| sign.is_done() && sign.sent < moved) {
        until = until.max(sign.sent + ttl);
    }
    until = until.max(under.believed);
    for release in &under.releases {
        until = until.min(release.sent);
        if release.is_done() {
            stale = stale.min(release.settled);
        }
    }
    // From then on it may be held under the other one, of which there is a tenure, too.
    until = until.min(moved);
    // A lease that is broken ends as a whole, perhaps before its holder was told that it has it.
    for broken in under.devices.iter().flat_map(|device| &histories.breaks[*device]) {
        if broken.fate.sent < until && index.times.done_by(&broken.fate) > granted.sent {
            until = until.min(broken.fate.sent);
        }
        let is_sure = broken.fate.is_done() && broken.act == Act::Break(device);
        if is_sure && broken.fate.sent > from {
            stale = stale.min(broken.fate.settled);
        }
    }
    until = until.min(index.times.signal_after(from));
    let life = index.times.life_after(from);
    stale = stale.min(index.case.lives.get(life).map_or(Moment::MAX, |life| life.ended));
    (from, until, stale)
}

fn takes(deed: &Deed, device: usize) -> bool {
    deed.fate.may_be_done() && matches!(&deed.act, Act::Acquire(devices, _) if devices.contains(&device))
}
