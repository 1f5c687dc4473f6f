//! The way out to one client: what may leave, and what may not before the disk has what it speaks of.

use std::collections::VecDeque;
use std::sync::Arc;

use super::store::{Entry, Journal};
use crate::gateway::{Note, Outbox};

/// Bytes for one client.
#[derive(Debug, Default)]
pub(super) struct Outlet {
    /// May leave.
    ready: Vec<u8>,
    /// Written in this turn, where it is still open whether that may leave.
    fresh: Vec<u8>,
    /// Waits, each with the number of the post that has to be on the disk before.
    held: VecDeque<(u64, Vec<u8>)>,
    waiting: usize,
    posted: u64,
    course: Course,
}

/// Whether what is written waits for the end of its turn.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// It leaves as it comes, for nothing of this client is written down.
    #[default]
    Straight,
    /// Its session is written down.
    Kept,
}

/// Whether what was written in a turn waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    No,
    Until,
}

/// With so many bytes waiting, nothing more is taken in for this client.
const FULL: usize = 64 << 10;

impl Outlet {
    /// Where the next packet is written.
    pub(super) fn writer(&mut self) -> &mut Vec<u8> {
        match self.course {
            Course::Straight => &mut self.ready,
            Course::Kept => &mut self.fresh,
        }
    }

    /// What may leave.
    pub(super) fn ready(&mut self) -> &mut Vec<u8> {
        &mut self.ready
    }

    /// The same, to be looked at.
    pub(super) fn leaving(&self) -> &[u8] {
        &self.ready
    }

    pub(super) fn set_course(&mut self, course: Course) {
        self.course = course;
    }

    /// Whether as much waits as may.
    pub(super) fn is_full(&self) -> bool {
        self.waiting + self.fresh.len() >= FULL
    }

    /// Whether something was written in this turn that is not let go yet.
    pub(super) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Whether everything may leave.
    pub(super) fn is_free(&self) -> bool {
        self.held.is_empty() && self.fresh.is_empty()
    }

    /// Ends a turn: posts what it has to write down, and holds back what was written until that is on the disk.
    pub(super) fn end_turn(
        &mut self,
        entries: Vec<Entry>,
        hold: Hold,
        journal: &Journal,
        outbox: &Arc<Outbox>,
    ) {
        if hold == Hold::Until {
            self.posted += 1;
            journal.post(entries, Some((outbox.clone(), Note::Durable(self.posted))));
            self.waiting += self.fresh.len();
            self.held.push_back((self.posted, std::mem::take(&mut self.fresh)));
            return;
        }
        if !entries.is_empty() {
            journal.post(entries, None);
        }
        match self.held.back_mut() {
            // Nothing overtakes what waits.
            Some((_, last)) => {
                self.waiting += self.fresh.len();
                last.append(&mut self.fresh);
            }
            None => self.ready.append(&mut self.fresh),
        }
    }

    /// Lets go what waited for this post, and for those before it.
    pub(super) fn release(&mut self, post: u64) {
        while self.held.front().is_some_and(|(number, _)| *number <= post) {
            let Some((_, mut bytes)) = self.held.pop_front() else { return };
            self.waiting -= bytes.len();
            self.ready.append(&mut bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::OutboxLimits;

    #[test]
    fn what_waits_for_the_disk_is_overtaken_by_nothing() {
        let outbox = Arc::new(Outbox::new(OutboxLimits { messages: 9, bytes: 999 }).expect("an eventfd"));
        let journal = Journal::default();
        let mut outlet = Outlet::default();
        let turn = |outlet: &mut Outlet, text: &[u8], hold| {
            outlet.writer().extend(text);
            outlet.end_turn(Vec::new(), hold, &journal, &outbox);
        };
        turn(&mut outlet, b"1", Hold::No);
        outlet.set_course(Course::Kept);
        turn(&mut outlet, b"2", Hold::No);
        turn(&mut outlet, b"3", Hold::Until);
        turn(&mut outlet, b"4", Hold::No);
        turn(&mut outlet, b"5", Hold::Until);
        assert_eq!((outlet.is_free(), &outlet.ready()[..]), (false, &b"12"[..]));
        outlet.release(1);
        assert_eq!(outlet.ready()[..], b"1234"[..]);
        outlet.release(2);
        assert_eq!((outlet.is_free(), outlet.waiting, &outlet.ready()[..]), (true, 0, &b"12345"[..]));
        turn(&mut outlet, &[b'x'; FULL], Hold::Until);
        assert!(outlet.is_full());
    }
}
