//! Leases: nobody writes what another holds, nobody holds anything for longer than its time, and what was written under a
//! lease does not outlive it.

use std::collections::HashMap;

use super::super::books::Act;
use super::super::clock::Moment;
use super::super::devices;
use super::super::journal::{Entry, What};
use super::history::Histories;
use super::tenures::{self, Tenure};
use super::{Index, LATE, Report, story};

pub fn judge(index: &Index<'_>, report: &mut Report) {
    let histories = Histories::of(index);
    let tenures = tenures::all(index, &histories);
    nobody_else_writes(index, &tenures, report);
    tokens_rise(index, report);
    nothing_stale_is_done(index, &histories, &tenures, report);
    for device in devices::FREE..devices::COUNT {
        nothing_outlives_its_lease(index, &histories, device, report);
    }
    report.figures.leases = histories.of.iter().map(|history| history.leases.len()).sum();
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
fn nothing_stale_is_done(
    index: &Index<'_>,
    histories: &Histories<'_>,
    tenures: &[Tenure],
    report: &mut Report,
) {
    // A lease is over when it is on none of its devices any more.
    let mut over: HashMap<u64, Moment> = HashMap::new();
    for tenure in tenures {
        let under = &histories.of[tenure.client].leases[&tenure.token];
        let latest = over.entry(tenure.token).or_default();
        *latest = tenure.stale.max(*latest);
        for command in under.writes.iter().filter(|command| command.device == tenure.device) {
            if command.fate.sent > tenure.stale && index.done.contains_key(&command.number) {
                report
                    .break_promise(format!("carried out under a lease that is over: {command:?} {tenure:?}"));
            }
        }
    }
    for (token, under) in histories.of.iter().flat_map(|history| &history.leases) {
        for renewal in under.renewals.iter().filter(|renewal| renewal.is_done() && renewal.sent > over[token])
        {
            report.break_promise(format!("{token} was renewed, and is over: {renewal:?}"));
        }
    }
}

/// Each value that was written under a lease: its writer had the lease, and it is gone when that is.
fn nothing_outlives_its_lease(
    index: &Index<'_>,
    histories: &Histories<'_>,
    device: usize,
    report: &mut Report,
) {
    let entries: Vec<&Entry> = index.case.entries.iter().filter(|entry| entry.device == device).collect();
    for (place, entry) in entries.iter().enumerate() {
        let What::Written(number) = entry.what else { continue };
        let Some((client, command)) = index.commands.get(&number) else { continue };
        let history = &histories.of[*client];
        let ttl = history.book.ttl;
        match history.last_sign_before(device, entry.at).map(|sign| index.times.awake(sign + ttl, entry.at)) {
            None => {
                report.break_promise_at(index, entry, format!("written without a lease: {command:?}"));
            }
            Some(late) if late > LATE => {
                report.break_promise_at(
                    index,
                    entry,
                    format!("written {late} ns after the lease: {command:?}"),
                );
            }
            Some(_) => {}
        }
        let next = entries.get(place + 1).filter(|next| next.life == entry.life);
        let gone = next.map_or(index.case.lives[entry.life].signalled, |next| next.at);
        if history.may_have_released(index, device, entry.at, gone) {
            continue;
        }
        // The write is a sign of life itself.
        let kept = history.last_sign_before(device, gone).unwrap_or(entry.at).max(entry.at) + ttl;
        let broken = histories.breaks[device].iter().map(|deed| &deed.fate);
        let broken = broken.filter(|broken| broken.is_done() && broken.sent > entry.at);
        let deadline = broken.map(|broken| broken.settled).fold(kept, Moment::min);
        let overrun = index.times.awake(deadline, gone);
        if let Some(next) = next {
            if overrun > report.figures.longest_overrun {
                report.figures.longest_overrun = overrun;
                report.longest_overrun = story::around(index, device, deadline);
            }
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
