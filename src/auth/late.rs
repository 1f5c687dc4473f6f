//! Verdicts that are not told before their time, which is how those who guess are slowed down.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use super::Verdict;
use super::verifier::Attempt;

/// Attempts that were looked at, with what came of them.
#[derive(Default)]
pub(super) struct LateAnswers {
    waiting: BTreeMap<(Instant, u64), (Attempt, Verdict)>,
    number: u64,
}

/// So many wrong tokens of one address wait to be told so.
pub(super) const ADDRESS: usize = 32;
/// So many in all; each belongs to a connection.
const MOST: usize = 2048;

impl LateAnswers {
    /// Whether as many wait as may, from this address or in all.  Whoever has gone away makes room.
    pub(super) fn is_full(&mut self, address: IpAddr) -> bool {
        if !self.has_room(address) {
            self.waiting.retain(|_, (attempt, _)| attempt.is_awaited());
        }
        !self.has_room(address)
    }

    fn has_room(&self, address: IpAddr) -> bool {
        let here = self.waiting.values().filter(|(attempt, _)| attempt.address() == address);
        self.waiting.len() < MOST && here.count() < ADDRESS
    }

    /// This is told when it is due.
    pub(super) fn add(&mut self, due: Instant, attempt: Attempt, verdict: Verdict) {
        self.number += 1;
        self.waiting.insert((due, self.number), (attempt, verdict));
    }

    /// Tells what is due.
    pub(super) fn tell(&mut self, now: Instant) {
        while let Some(first) = self.waiting.first_entry().filter(|first| first.key().0 <= now) {
            let (attempt, verdict) = first.remove();
            attempt.tell(verdict);
        }
    }

    /// When the next one is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.keys().next().map(|(due, _)| *due)
    }
}
