//! Leases: nobody writes what another holds, nobody holds anything for longer than its time, and what was written under a
//! lease does not outlive it.

use super::super::books::{Act, Book, Deed};
use super::super::clock::Moment;
use super::super::devices;
use super::super::journal::{Entry, What};
use super::{Index, LATE, Report};

/// A time in which a client was sure to hold a device.
#[derive(Debug)]
struct Tenure {
    client: usize,
    device: usize,
    token: u64,
    from: Moment,
    until: Moment,
    /// Since when its token is worth nothing for sure.
    stale: Moment,
}

/// Something by which a client may have made its lease on a device longer.
struct Sign {
    /// Not before this,
    earliest: Moment,
    /// and not after this.
    latest: Moment,
}

pub fn judge(index: &Index<'_>, report: &mut Report) {
    let tenures: Vec<_> = (0..index.case.seen.len()).flat_map(|client| tenures(index, client)).collect();
    nobody_else_writes(index, &tenures, report);
    tokens_rise(index, report);
    nothing_stale_is_done(index, &tenures, report);
    for device in devices::FREE..devices::COUNT {
        nothing_outlives_its_lease(index, device, report);
    }
    let granted = |deed: &&Deed| matches!(deed.act, Act::Acquire(_, Some(_)));
    report.figures.leases = index.case.seen.iter().flat_map(|book| &book.deeds).filter(granted).count();
}

/// When a client was sure to hold which device: from the answer to what granted it until its time after the last sign of
/// life under it that was answered had been sent.
fn tenures(index: &Index<'_>, client: usize) -> Vec<Tenure> {
    let book = &index.case.seen[client];
    let mut found = Vec::new();
    for (place, deed) in book.deeds.iter().enumerate() {
        let Act::Acquire(wanted, Some(token)) = &deed.act else { continue };
        for &device in wanted {
            let mut until = deed.fate.sent + book.ttl;
            let mut stale = Moment::MAX;
            // Another lease of its own on the device takes that out of this one.
            let next = book.deeds[place + 1..]
                .iter()
                .find(|next| takes(&next.act, device) && next.fate.may_be_done());
            let moved = next.map_or(Moment::MAX, |next| next.fate.sent);
            if let Some(next) = next.filter(|next| next.fate.is_done()) {
                stale = stale.min(next.fate.settled);
            }
            let renewals =
                book.deeds.iter().filter(|deed| deed.act == Act::Renew(*token)).map(|deed| &deed.fate);
            let writes = book.commands.iter().filter(|command| command.token == Some(*token));
            let signs = renewals.chain(writes.map(|command| &command.fate));
            for sign in signs.filter(|sign| sign.is_done() && sign.sent < moved) {
                until = until.max(sign.sent + book.ttl);
            }
            let believed = book.deeds.iter().filter(|deed| deed.act == Act::Believe(*token));
            until = believed.map(|deed| deed.fate.sent).fold(until, Moment::max);
            for deed in book.deeds.iter().filter(|deed| deed.act == Act::Release(*token)) {
                until = until.min(deed.fate.sent);
                if deed.fate.is_done() {
                    stale = stale.min(deed.fate.settled);
                }
            }
            // From then on it may be held under the other one, of which there is a tenure, too.
            until = until.min(moved);
            let from = deed.fate.settled;
            // A lease that is broken ends as a whole, perhaps before its holder was told that it has it.
            for broken in wanted.iter().flat_map(|wanted| breaks(index, *wanted)) {
                if broken.fate.sent < until && index.times.awake_at(broken.fate.settled) > deed.fate.sent {
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
            found.push(Tenure { client, device, token: *token, from, until, stale });
        }
    }
    found
}

fn takes(act: &Act, device: usize) -> bool {
    matches!(act, Act::Acquire(devices, _) if devices.contains(&device))
}

/// Who has broken, or may have broken, what was held of a device.
fn breaks<'a>(index: &'a Index<'_>, device: usize) -> impl Iterator<Item = &'a Deed> + use<'a> {
    let deeds = index.case.seen.iter().flat_map(|book| &book.deeds);
    deeds.filter(move |deed| deed.act == Act::Break(device) && deed.fate.may_be_done())
}

fn nobody_else_writes(index: &Index<'_>, tenures: &[Tenure], report: &mut Report) {
    for device in devices::FREE..devices::COUNT {
        let entries: Vec<_> = index.case.entries.iter().filter(|entry| entry.device == device).collect();
        for tenure in tenures.iter().filter(|tenure| tenure.device == device) {
            let first = entries.partition_point(|entry| entry.at < tenure.from);
            for entry in entries[first..].iter().take_while(|entry| entry.at < tenure.until) {
                let What::Written(number) = entry.what else { continue };
                let by = index.commands.get(&number).map(|(client, _)| *client);
                if by != Some(tenure.client) {
                    let holder = index.name(tenure.client);
                    let by = by.map_or("the gatekeeper", |by| index.name(by));
                    report.break_promise_at(
                        index,
                        entry,
                        format!("{holder} holds it, {by} writes: {entry:?} {tenure:?}"),
                    );
                }
            }
        }
    }
}

/// A token that was granted after another one is higher, also when the daemon was started again in between.
fn tokens_rise(index: &Index<'_>, report: &mut Report) {
    let granted = index.case.seen.iter().flat_map(|book| &book.deeds).filter_map(|deed| match deed.act {
        Act::Acquire(_, Some(token)) => Some((token, &deed.fate)),
        _ => None,
    });
    let mut by_grant: Vec<_> = granted.collect();
    let mut by_request = by_grant.clone();
    by_grant.sort_by_key(|(_, fate)| fate.settled);
    by_request.sort_by_key(|(_, fate)| fate.sent);
    let mut earlier = by_grant.into_iter().peekable();
    let mut highest = 0;
    for (token, fate) in by_request {
        while let Some((granted, _)) = earlier.next_if(|(_, earlier)| earlier.settled < fate.sent) {
            highest = highest.max(granted);
        }
        if token <= highest {
            report.break_promise(format!("the token {token} came after {highest}"));
        }
    }
}

/// What is meant under a lease that is over, because it was given back, broken, replaced or granted by a daemon that is no
/// more, does nothing.
fn nothing_stale_is_done(index: &Index<'_>, tenures: &[Tenure], report: &mut Report) {
    for tenure in tenures {
        let book = &index.case.seen[tenure.client];
        let meant = |token| token == Some(tenure.token);
        for command in book.commands.iter().filter(|it| it.device == tenure.device && meant(it.token)) {
            let done = index.done.contains_key(&command.number);
            if command.fate.sent > tenure.stale && done {
                report
                    .break_promise(format!("carried out under a lease that is over: {command:?} {tenure:?}"));
            }
        }
        let over = tenures.iter().filter(|other| other.token == tenure.token).map(|other| other.stale).max();
        for deed in book.deeds.iter().filter(|deed| deed.act == Act::Renew(tenure.token)) {
            if deed.fate.is_done() && Some(deed.fate.sent) > over {
                report.break_promise(format!("renewed, and is over: {deed:?} {tenure:?}"));
            }
        }
    }
}

/// Each value that was written under a lease: its writer had the lease, and it is gone when that is.
fn nothing_outlives_its_lease(index: &Index<'_>, device: usize, report: &mut Report) {
    let entries: Vec<&Entry> = index.case.entries.iter().filter(|entry| entry.device == device).collect();
    let signs: Vec<_> = (0..index.case.seen.len()).map(|client| signs(index, client, device)).collect();
    for (place, entry) in entries.iter().enumerate() {
        let What::Written(number) = entry.what else { continue };
        let Some((client, command)) = index.commands.get(&number) else { continue };
        let book = &index.case.seen[*client];
        let life = index.case.lives[entry.life];
        // The write is a sign of life itself.
        let before = signs[*client].iter().filter(|sign| sign.earliest <= entry.at).map(|sign| sign.latest);
        let before = before.filter(|latest| *latest < entry.at || !is_own(index, number, *latest));
        let held_until = before.map(|latest| latest.min(entry.at) + book.ttl).max();
        match held_until {
            None => report.break_promise_at(
                index,
                entry,
                format!("written without a lease: {entry:?} {command:?}"),
            ),
            Some(until) if index.times.awake(until, entry.at) > LATE => {
                report.break_promise_at(
                    index,
                    entry,
                    format!("written {} ns after the lease: {entry:?} {command:?}", entry.at - until),
                );
            }
            Some(_) => {}
        }
        let next = entries.get(place + 1).filter(|next| next.life == entry.life);
        let gone = next.map_or(life.signalled, |next| next.at);
        let kept =
            signs[*client].iter().filter(|sign| sign.earliest < gone).map(|sign| sign.latest.min(gone)).max();
        let deadline = kept.unwrap_or(entry.at).max(entry.at) + book.ttl;
        let broken =
            breaks(index, device).filter(|broken| broken.fate.is_done() && broken.fate.sent > entry.at);
        let deadline = broken.map(|broken| broken.fate.settled).chain([deadline]).min().unwrap_or(deadline);
        if was_released(book, device, entry.at, gone) {
            continue;
        }
        let overrun = index.times.awake(deadline, gone);
        if let Some(next) = next {
            report.figures.longest_overrun = report.figures.longest_overrun.max(overrun);
            let by = match next.what {
                What::Written(number) => index.commands.get(&number).map(|(client, _)| *client),
                What::Taken(_) => None,
            };
            match by {
                None => report.figures.ended_by_time += 1,
                Some(by) if by != *client => {
                    let (before, after) = (index.name(*client), index.name(by));
                    report.break_promise_at(
                        index,
                        entry,
                        format!("not safe between {before} and {after}: {entry:?} {next:?}"),
                    );
                }
                Some(_) => {}
            }
        }
        if overrun > LATE {
            report.break_promise_at(
                index,
                entry,
                format!("outlives its lease by {overrun} ns: {entry:?} {command:?}"),
            );
        }
    }
}

/// Whether this sign is the command of this number itself.
fn is_own(index: &Index<'_>, number: u32, latest: Moment) -> bool {
    index.done.get(&number).is_some_and(|done| done.iter().any(|entry| entry.at == latest))
}

/// By what a client may have got a device, or made its lease on it longer.
fn signs(index: &Index<'_>, client: usize, device: usize) -> Vec<Sign> {
    let book = &index.case.seen[client];
    let mut signs = Vec::new();
    let together = |other: usize| {
        let both = |act: &Act| takes(act, device) && takes(act, other);
        book.deeds.iter().any(|deed| deed.fate.may_be_done() && both(&deed.act))
    };
    for deed in book.deeds.iter().filter(|deed| deed.fate.may_be_done()) {
        let concerned = match &deed.act {
            Act::Acquire(devices, _) => devices.contains(&device),
            Act::Renew(token) | Act::RenewAgain(token) => book.deeds.iter().any(
                |deed| matches!(&deed.act, Act::Acquire(devices, Some(other)) if other == token && devices.contains(&device)),
            ),
            Act::Believe(_) | Act::Release(_) | Act::Break(_) => false,
        };
        if concerned {
            let latest = index.times.awake_at(deed.fate.settled);
            signs.push(Sign { earliest: deed.fate.sent, latest });
        }
    }
    let related: Vec<_> = (0..devices::COUNT).map(together).collect();
    for command in book.commands.iter().filter(|command| related[command.device]) {
        for entry in index.done.get(&command.number).into_iter().flatten() {
            signs.push(Sign { earliest: entry.at, latest: entry.at });
        }
    }
    signs
}

/// Whether the client may have given its lease back while a value of its stood there, which then stays.
fn was_released(book: &Book, device: usize, from: Moment, to: Moment) -> bool {
    let released = book.deeds.iter().filter(|deed| deed.fate.may_be_done());
    let mut released = released.filter(|deed| deed.fate.settled > from && deed.fate.sent < to);
    released.any(|release| match release.act {
        Act::Release(token) => book.deeds.iter().any(
            |deed| matches!(&deed.act, Act::Acquire(devices, Some(other)) if *other == token && devices.contains(&device)),
        ),
        _ => false,
    })
}
