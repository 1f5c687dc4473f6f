//! The verdict: the journal, which is what happened, against the books, which are what was promised.

mod commands;
mod history;
mod leases;
mod lives;
mod messages;
mod story;
mod tenures;
#[cfg(test)]
mod tests;
mod times;

use std::collections::HashMap;
use std::fmt;

use super::books::{Act, Book, Command, Outcome};
use super::clock::Nanos;
use super::house::{End, Life, Stall};
use super::journal::{Entry, What};
use times::Times;

/// All that is known of a chaos.
pub struct Case {
    /// The runs of the daemon, in order.
    pub lives: Vec<Life>,
    /// When it stood still.
    pub stalls: Vec<Stall>,
    /// What its hardware was told, in order.
    pub entries: Vec<Entry>,
    /// What each client did and saw.
    pub seen: Vec<Book>,
}

/// What is to be said of it.
#[derive(Default)]
pub struct Report {
    /// Each promise that was broken.
    pub broken: Vec<String>,
    figures: Figures,
    /// A row for each client that did anything.
    clients: Vec<String>,
    /// What happened around the longest overrun of a lease.
    longest_overrun: String,
}

#[derive(Default)]
struct Figures {
    kills: usize,
    stops: usize,
    longest_stop: Nanos,
    stalls: usize,
    commands: usize,
    acknowledged: usize,
    refused: usize,
    unknown: usize,
    not_sent: usize,
    carried_out_unheard: usize,
    again_after_crash: usize,
    messages: usize,
    leases: usize,
    ended_by_time: usize,
    latest_command: Nanos,
    longest_overrun: Nanos,
}

/// The journal and the books, by the numbers of the commands.
struct Index<'a> {
    case: &'a Case,
    times: Times<'a>,
    /// Who sent a command, by its place in the case, and the command.
    commands: HashMap<u32, (usize, &'a Command)>,
    /// Where a command stands in the journal.
    done: HashMap<u32, Vec<&'a Entry>>,
}

/// So much later than it should be something may be seen in the journal, in time in which the daemon was not stopped: what
/// a busy machine takes to let a thread go on.
pub const LATE: Nanos = 500_000_000;

/// Of an overrun that is longer than this everything is told.
const REMARKABLE: Nanos = 100_000_000;

/// Holds the one against the other.
pub fn judge(case: &Case) -> Report {
    let mut report = Report::default();
    let index = Index::of(case, &mut report);
    lives::judge(&index, &mut report);
    commands::judge(&index, &mut report);
    leases::judge(&index, &mut report);
    messages::judge(case, &mut report);
    report.clients = case.seen.iter().filter_map(row).collect();
    let figures = &mut report.figures;
    let stopped = case.lives.iter().filter(|life| life.end == End::Stopped);
    figures.longest_stop = stopped.clone().map(|life| life.ended - life.signalled).max().unwrap_or(0);
    figures.stops = stopped.count();
    figures.kills = case.lives.len() - figures.stops;
    figures.stalls = case.stalls.len();
    report
}

/// What a client did, for those who want to see that it did anything.
fn row(book: &Book) -> Option<String> {
    let outcome = |wanted: fn(&Outcome) -> bool| {
        book.commands.iter().filter(|command| wanted(&command.fate.outcome)).count()
    };
    let done = outcome(|outcome| *outcome == Outcome::Acknowledged);
    let refused = outcome(|outcome| matches!(outcome, Outcome::Refused(_)));
    let unknown = outcome(|outcome| *outcome == Outcome::Unknown);
    let not_sent = outcome(|outcome| *outcome == Outcome::NotSent);
    let leases = book.deeds.iter().filter(|deed| matches!(deed.act, Act::Acquire(_, Some(_)))).count();
    let client = &book.client;
    (!book.commands.is_empty()).then(|| {
        format!(
            "  {client}: {done} acknowledged, {refused} refused, {unknown} unknown, {not_sent} not sent, {leases} leases"
        )
    })
}

impl<'a> Index<'a> {
    fn of(case: &'a Case, report: &mut Report) -> Index<'a> {
        let mut commands = HashMap::new();
        for (client, book) in case.seen.iter().enumerate() {
            for command in &book.commands {
                let double = commands.insert(command.number, (client, command));
                assert!(double.is_none(), "every command has a number of its own: {command:?}");
            }
        }
        let mut done: HashMap<_, Vec<_>> = HashMap::new();
        for entry in &case.entries {
            match entry.what {
                What::Taken(_) | What::Written(0) => {}
                What::Written(number) if commands.contains_key(&number) => {
                    done.entry(number).or_default().push(entry);
                }
                What::Written(number) => report.break_promise(format!("nobody has sent {number}: {entry:?}")),
            }
        }
        Index { case, times: Times::new(&case.lives, &case.stalls), commands, done }
    }

    fn name(&self, client: usize) -> &str {
        &self.case.seen[client].client
    }
}

impl Report {
    /// A promise about a device was broken at this time; the first one is told with all that happened around it.
    fn break_promise_at(&mut self, index: &Index<'_>, entry: &Entry, what: String) {
        let story =
            if self.broken.is_empty() { story::around(index, entry.device, entry.at) } else { String::new() };
        self.break_promise(format!("{what}\n{story}"));
    }

    fn break_promise(&mut self, what: String) {
        /// One bug breaks many promises.
        const MOST: usize = 50;
        if self.broken.len() < MOST {
            self.broken.push(what);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for client in &self.clients {
            writeln!(f, "{client}")?;
        }
        let Figures { kills, stops, longest_stop, stalls, .. } = &self.figures;
        let longest_stop = *longest_stop as f64 / 1e6;
        writeln!(
            f,
            "chaos: {kills} times killed, {stops} times stopped (in {longest_stop:.0} ms at most), {stalls} times stalled;"
        )?;
        let Figures { commands, acknowledged, refused, unknown, not_sent, .. } = &self.figures;
        let Figures { carried_out_unheard, again_after_crash, messages, .. } = &self.figures;
        writeln!(
            f,
            "{commands} commands: {acknowledged} acknowledged, {refused} refused, {not_sent} not sent, {unknown} of unknown outcome, of which \
             {carried_out_unheard} were carried out; {again_after_crash} of QoS 2 were carried out again after a crash, \
             unacknowledged; {messages} messages acknowledged;"
        )?;
        let Figures { leases, ended_by_time, longest_overrun, latest_command, .. } = &self.figures;
        write!(
            f,
            "{leases} leases, {ended_by_time} values ended with them; the longest overrun of a lease {:.1} ms, of the \
             time of a command {:.1} ms",
            *longest_overrun as f64 / 1e6,
            *latest_command as f64 / 1e6
        )?;
        if *longest_overrun > REMARKABLE {
            write!(f, "\naround the longest overrun:\n{}", self.longest_overrun)
        } else {
            Ok(())
        }
    }
}
