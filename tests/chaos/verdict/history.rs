//! What each client did about each of its leases, looked up once.

use std::collections::HashMap;

use super::super::books::{Act, Book, Command, Deed, Fate};
use super::super::clock::Moment;
use super::super::devices;
use super::Index;

/// Everything about leases.
pub struct Histories<'a> {
    /// Of each client, in the order of the case.
    pub of: Vec<History<'a>>,
    /// Who has ended, or may have ended, the lease of whomever on each device.
    pub breaks: Vec<Vec<&'a Deed>>,
}

/// What one client did.
pub struct History<'a> {
    /// Its books.
    pub book: &'a Book,
    /// Under each lease that it was granted, by its token.
    pub leases: HashMap<u64, Under<'a>>,
    /// For each device, by what it may have got it, or made its lease on it longer, in order.
    signs: Vec<Vec<Sign>>,
    /// For each device, by what it may have given it back.
    releases: Vec<Vec<&'a Fate>>,
}

/// What one client did under one lease.
pub struct Under<'a> {
    /// Its devices.
    pub devices: &'a [usize],
    /// How they were asked for, and the place of that among the client's deeds.
    pub granted: (usize, &'a Fate),
    /// What was meant to make it longer.
    pub renewals: Vec<&'a Fate>,
    /// Commands that were meant under it.
    pub writes: Vec<&'a Command>,
    /// When the client said last that it held it.
    pub believed: Moment,
    /// By what it was given back, or may have been.
    pub releases: Vec<&'a Fate>,
}

/// Something by which a client may have made its lease on a device longer.
struct Sign {
    /// Not before this.
    earliest: Moment,
    /// The latest time at which this or an earlier one may have counted.
    latest: Moment,
}

impl<'a> Histories<'a> {
    pub fn of(index: &Index<'a>) -> Histories<'a> {
        let of = index.case.seen.iter().map(|book| History::of(index, book)).collect();
        let mut breaks = vec![Vec::new(); devices::COUNT];
        for deed in index.case.seen.iter().flat_map(|book| &book.deeds) {
            match deed.act {
                Act::Break(device) if deed.fate.may_be_done() => breaks[device].push(deed),
                _ => {}
            }
        }
        Histories { of, breaks }
    }
}

impl<'a> History<'a> {
    fn of(index: &Index<'a>, book: &'a Book) -> History<'a> {
        let mut leases = HashMap::new();
        for (place, deed) in book.deeds.iter().enumerate() {
            let Act::Acquire(devices, Some(token)) = &deed.act else { continue };
            let granted = (place, &deed.fate);
            let (renewals, writes, releases) = (Vec::new(), Vec::new(), Vec::new());
            leases.insert(*token, Under { devices, granted, renewals, writes, believed: 0, releases });
        }
        let mut history =
            History { book, leases, signs: Vec::new(), releases: vec![Vec::new(); devices::COUNT] };
        history.sort_deeds();
        history.signs = (0..devices::COUNT).map(|device| history.signs(index, device)).collect();
        history
    }

    fn sort_deeds(&mut self) {
        for deed in &self.book.deeds {
            let token = match deed.act {
                Act::Renew(token) | Act::RenewAgain(token) | Act::Believe(token) | Act::Release(token) => {
                    token
                }
                Act::Acquire(..) | Act::Break(_) => continue,
            };
            let Some(under) = self.leases.get_mut(&token) else { continue };
            match deed.act {
                Act::Renew(_) => under.renewals.push(&deed.fate),
                Act::Believe(_) => under.believed = under.believed.max(deed.fate.sent),
                Act::Release(_) => {
                    under.releases.push(&deed.fate);
                    if deed.fate.may_be_done() {
                        under.devices.iter().for_each(|device| self.releases[*device].push(&deed.fate));
                    }
                }
                _ => {}
            }
        }
        for command in &self.book.commands {
            if let Some(under) = command.token.and_then(|token| self.leases.get_mut(&token)) {
                under.writes.push(command);
            }
        }
    }

    fn signs(&self, index: &Index<'_>, device: usize) -> Vec<Sign> {
        let mut signs = Vec::new();
        let mut related = [false; devices::COUNT];
        for deed in self.book.deeds.iter().filter(|deed| deed.fate.may_be_done()) {
            let devices: &[usize] = match &deed.act {
                Act::Acquire(devices, _) => devices,
                Act::Renew(token) | Act::RenewAgain(token) => {
                    self.leases.get(token).map_or(&[], |under| under.devices)
                }
                Act::Believe(_) | Act::Release(_) | Act::Break(_) => &[],
            };
            if devices.contains(&device) {
                devices.iter().for_each(|device| related[*device] = true);
                let latest = index.times.done_by(&deed.fate);
                signs.push(Sign { earliest: deed.fate.sent, latest });
            }
        }
        // A write to one device of a lease makes it longer for all of them.
        for command in self.book.commands.iter().filter(|command| related[command.device]) {
            for entry in index.done.get(&command.number).into_iter().flatten() {
                signs.push(Sign { earliest: entry.at, latest: entry.at });
            }
        }
        signs.sort_by_key(|sign| sign.earliest);
        let mut latest = 0;
        for sign in &mut signs {
            latest = latest.max(sign.latest);
            sign.latest = latest;
        }
        signs
    }

    /// When the client may have made its lease on a device longer last, of what it began before this time.
    pub fn last_sign_before(&self, device: usize, time: Moment) -> Option<Moment> {
        let signs = &self.signs[device];
        let place = signs.partition_point(|sign| sign.earliest < time);
        place.checked_sub(1).map(|place| signs[place].latest.min(time))
    }

    /// Whether the client may have given a device back between these times.
    pub fn may_have_released(&self, index: &Index<'_>, device: usize, from: Moment, to: Moment) -> bool {
        self.releases[device].iter().any(|release| index.times.done_by(release) > from && release.sent < to)
    }
}
