//! Attempts that wait to be looked at, and whose turn it is.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Instant;

use super::throttle::Throttle;
use super::verifier::Attempt;

/// Attempts in lanes: one for each user name from each address, so that whoever fills one of them keeps nobody out
/// of the others.
#[derive(Default)]
pub(super) struct Attempts {
    /// The lane that has waited longest comes first.
    lanes: VecDeque<Lane>,
    waiting: usize,
}

struct Lane {
    address: IpAddr,
    user: String,
    attempts: VecDeque<Attempt>,
}

/// So many may wait in one lane.  Their connections stay open meanwhile, and there are only so many of those.
pub(super) const LANE: usize = 32;
/// So many may wait from one address.
const ADDRESS: usize = 128;
/// So many may wait, which take 2 MiB at most.  Each belongs to a connection, of which there are rarely more.
const MOST: usize = 2048;

impl Attempts {
    /// Adds one; hands it back where as many wait as may.
    pub(super) fn add(&mut self, attempt: Attempt) -> Result<(), Attempt> {
        if self.is_full(&attempt) {
            self.forget_the_gone();
        }
        if self.is_full(&attempt) {
            return Err(attempt);
        }
        self.waiting += 1;
        let (address, user) = (attempt.address(), attempt.user());
        match self.lanes.iter_mut().find(|lane| lane.address == address && lane.user == user) {
            Some(lane) => lane.attempts.push_back(attempt),
            None => {
                let user = user.to_owned();
                self.lanes.push_back(Lane { address, user, attempts: VecDeque::from([attempt]) });
            }
        }
        Ok(())
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// The next one whose address is not slowed down.
    pub(super) fn next(&mut self, throttle: &Throttle, now: Instant) -> Option<Attempt> {
        let ready = |lane: &Lane| throttle.ready(lane.address).is_none_or(|ready| ready <= now);
        while let Some(place) = self.lanes.iter().position(ready) {
            let mut lane = self.lanes.remove(place)?;
            let next = lane.attempts.pop_front();
            if !lane.attempts.is_empty() {
                self.lanes.push_back(lane);
            }
            self.waiting -= usize::from(next.is_some());
            // Whoever has gone away is not answered.
            if let Some(attempt) = next.filter(Attempt::is_awaited) {
                return Some(attempt);
            }
        }
        None
    }

    /// When the next one can be looked at; nothing where none waits.
    pub(super) fn due(&self, throttle: &Throttle, now: Instant) -> Option<Instant> {
        self.lanes.iter().map(|lane| throttle.ready(lane.address).unwrap_or(now)).min()
    }

    fn is_full(&self, attempt: &Attempt) -> bool {
        let here = self.lanes.iter().filter(|lane| lane.address == attempt.address());
        let lane =
            here.clone().find(|lane| lane.user == attempt.user()).map_or(0, |lane| lane.attempts.len());
        lane >= LANE || here.map(|lane| lane.attempts.len()).sum::<usize>() >= ADDRESS || self.waiting >= MOST
    }

    fn forget_the_gone(&mut self) {
        for lane in &mut self.lanes {
            lane.attempts.retain(Attempt::is_awaited);
        }
        self.lanes.retain(|lane| !lane.attempts.is_empty());
        self.waiting = self.lanes.iter().map(|lane| lane.attempts.len()).sum();
    }
}
