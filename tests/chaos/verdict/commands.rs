//! Commands: what was acknowledged stands in the journal once, what was refused never, and each in its time and order.

use std::collections::HashMap;

use super::super::books::{Command, Delivery, Outcome};
use super::super::clock::{Moment, Nanos};
use super::super::house::End;
use super::super::journal::{Entry, What};
use super::{Case, Index, Report};

/// So much later than its time a command may be seen in the journal: what a busy machine takes from a thread between a look at
/// the clock and what follows.
const LATE_COMMAND: Nanos = 200_000_000;

pub fn judge(index: &Index<'_>, report: &mut Report) {
    let resumed = resumed(index.case);
    for (client, command) in index.commands.values() {
        count(index, command, report);
        let who = || format!("{}: {command:?}", index.name(*client));
        let done = index.done.get(&command.number).map_or(&[][..], Vec::as_slice);
        if done.len() > 1 && !is_allowed_again(index, command, done) {
            report.break_promise(format!("carried out twice: {} {done:?}", who()));
        }
        if command.delivery == Delivery::Retained && !done.is_empty() {
            report.break_promise(format!("retained and carried out: {} {done:?}", who()));
        }
        for entry in done {
            if entry.device != command.device {
                report.break_promise(format!("carried out on another device: {} {entry:?}", who()));
            }
            if entry.at < command.fate.sent {
                report.break_promise(format!("carried out before it was sent: {} {entry:?}", who()));
            }
            in_time(index, command, entry, &resumed, report);
        }
        match (&command.fate.outcome, done.last()) {
            (Outcome::Acknowledged, None) => {
                report.break_promise(format!("acknowledged and never carried out: {}", who()))
            }
            (Outcome::Acknowledged, Some(last)) if last.at > command.fate.settled => {
                report.break_promise(format!("carried out after it was acknowledged: {} {last:?}", who()))
            }
            (Outcome::NotSent, Some(last)) => {
                report.break_promise(format!("not sent and carried out: {} {last:?}", who()))
            }
            (Outcome::Refused(_), Some(last)) if !is_before_crash(index, command, last) => {
                report.break_promise(format!("refused and carried out: {} {last:?}", who()))
            }
            _ => {}
        }
    }
    in_order(index, report);
}

fn count(index: &Index<'_>, command: &Command, report: &mut Report) {
    let figures = &mut report.figures;
    figures.commands += 1;
    let times = index.done.get(&command.number).map_or(0, Vec::len);
    match command.fate.outcome {
        Outcome::Acknowledged => figures.acknowledged += 1,
        Outcome::Refused(_) => figures.refused += 1,
        Outcome::NotSent => figures.not_sent += 1,
        Outcome::Unknown => {
            figures.unknown += 1;
            figures.carried_out_unheard += times.min(1);
        }
    }
    figures.again_after_crash += times.saturating_sub(1);
}

/// What of QoS 2 was carried out and not yet acknowledged when the daemon was killed is carried out when it is sent again,
/// as protocol.md says: nobody could know of it.
fn is_allowed_again(index: &Index<'_>, command: &Command, done: &[&Entry]) -> bool {
    let earlier = &done[..done.len() - 1];
    let apart = done.windows(2).all(|pair| pair[0].life < pair[1].life);
    apart && earlier.iter().all(|entry| is_before_crash(index, command, entry))
}

/// Whether the daemon was killed between this and the answer to a command that is sent until it is answered.
fn is_before_crash(index: &Index<'_>, command: &Command, entry: &Entry) -> bool {
    let life = index.case.lives[entry.life];
    let answered_later = command.fate.outcome == Outcome::Unknown || life.signalled < command.fate.settled;
    command.delivery == Delivery::UntilAnswered && life.end != End::Stopped && answered_later
}

/// A command that comes too late does nothing.  The gatekeeper looks at the time before it writes, and may have been stalled
/// between the two: with the one command that it had in its hands.
fn in_time(index: &Index<'_>, command: &Command, entry: &Entry, resumed: &[Moment], report: &mut Report) {
    let Some(not_after) = command.not_after else { return };
    let late = match resumed.contains(&entry.at) {
        true => index.times.awake(not_after, entry.at),
        false => entry.at.saturating_sub(not_after),
    };
    report.figures.latest_command = report.figures.latest_command.max(late);
    if late > LATE_COMMAND {
        report.break_promise_at(index, entry, format!("carried out {late} ns after its time: {command:?}"));
    }
}

/// When the first entry after each stall was made: the one after the longest pause around it.
fn resumed(case: &Case) -> Vec<Moment> {
    let pauses = case.stalls.iter().filter_map(|stall| {
        let first = case.entries.partition_point(|entry| entry.at < stall.from).saturating_sub(1);
        let end = case.entries.partition_point(|entry| entry.at <= stall.to) + 1;
        let around = case.entries.get(first..end.min(case.entries.len()))?;
        around.windows(2).max_by_key(|pair| pair[1].at - pair[0].at).map(|pair| pair[1].at)
    });
    pauses.collect()
}

/// Commands of one connection are carried out in the order in which they were sent; and so are those that are sent again,
/// between two crashes.
fn in_order(index: &Index<'_>, report: &mut Report) {
    let mut last: HashMap<(usize, u64, usize), u32> = HashMap::new();
    for entry in &index.case.entries {
        let What::Written(number) = entry.what else { continue };
        let Some((client, command)) = index.commands.get(&number) else { continue };
        let before = last.insert((*client, command.connection, entry.life), number);
        if before.is_some_and(|before| before >= number) {
            report.break_promise(format!("{}: {number} came after {before:?}", index.name(*client)));
        }
    }
}
