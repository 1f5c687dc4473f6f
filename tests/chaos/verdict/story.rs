//! What happened about a device around some moment, for whoever wants to know why a promise was broken.

use std::fmt::Write;

use super::super::books::Act;
use super::super::clock::{Moment, Nanos};
use super::Index;

/// So much before and after it is told.
const AROUND: Nanos = 600_000_000;

/// A row for each entry of the journal and for each deed and command of a client, in order, in milliseconds before or after
/// the moment.
pub fn around(index: &Index<'_>, device: usize, moment: Moment) -> String {
    let milliseconds = |at: Moment| (at as f64 - moment as f64) / 1e6;
    let near = |from: Moment, to: Moment| from < moment + AROUND && to > moment.saturating_sub(AROUND);
    let mut rows = Vec::new();
    for entry in index.case.entries.iter().filter(|entry| entry.device == device && near(entry.at, entry.at))
    {
        rows.push((entry.at, format!("journal: {:?}", entry.what)));
    }
    for book in &index.case.seen {
        let client = &book.client;
        for deed in book.deeds.iter().filter(|deed| near(deed.fate.sent, deed.fate.settled)) {
            let is_elsewhere = match &deed.act {
                Act::Break(other) => *other != device,
                Act::Acquire(devices, _) => !devices.contains(&device),
                _ => false,
            };
            if !is_elsewhere {
                let (outcome, answered) = (&deed.fate.outcome, milliseconds(deed.fate.settled));
                rows.push((deed.fate.sent, format!("{client}: {:?} {outcome:?} at {answered:.3}", deed.act)));
            }
        }
        for command in book.commands.iter().filter(|command| command.device == device) {
            if near(command.fate.sent, command.fate.settled) {
                let (outcome, answered) = (&command.fate.outcome, milliseconds(command.fate.settled));
                let (number, token) = (command.number, command.token);
                rows.push((
                    command.fate.sent,
                    format!("{client}: {number} under {token:?}, {outcome:?} at {answered:.3}"),
                ));
            }
        }
    }
    for stall in index.case.stalls.iter().filter(|stall| near(stall.from, stall.to)) {
        rows.push((stall.from, format!("stalled until {:.3}", milliseconds(stall.to))));
    }
    for life in index.case.lives.iter().filter(|life| near(life.signalled, life.ended)) {
        rows.push((life.signalled, format!("{:?} until {:.3}", life.end, milliseconds(life.ended))));
    }
    rows.sort();
    rows.iter().fold(String::new(), |mut told, (at, row)| {
        let _ = writeln!(told, "    {:9.3} {row}", milliseconds(*at));
        told
    })
}
