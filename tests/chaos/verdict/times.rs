//! When the daemon was there, and when it stood still.

use super::super::books::{Fate, Outcome};
use super::super::clock::{Moment, Nanos};
use super::super::house::{Life, Stall};
use super::LATE;

/// Its lives and stalls.
pub struct Times<'a> {
    lives: &'a [Life],
    stalls: &'a [Stall],
}

impl<'a> Times<'a> {
    pub fn new(lives: &'a [Life], stalls: &'a [Stall]) -> Times<'a> {
        Times { lives, stalls }
    }

    /// The first life of which the daemon knows nothing any more that it was told at this time.
    pub fn life_after(&self, at: Moment) -> usize {
        self.lives.iter().position(|life| at < life.ended).unwrap_or(self.lives.len())
    }

    /// When the first signal came at or after this time that ended the daemon.
    pub fn signal_after(&self, at: Moment) -> Moment {
        let ahead = self.lives.iter().find(|life| life.ended > at);
        ahead.map_or(Moment::MAX, |life| life.signalled)
    }

    /// Not after this something was done, if it was: what nobody has answered may have waited in a stall, and for its turn
    /// after that.
    pub fn done_by(&self, fate: &Fate) -> Moment {
        if fate.outcome != Outcome::Unknown {
            return fate.settled;
        }
        let stall = self.stalls.iter().find(|stall| stall.from <= fate.settled && fate.settled < stall.to);
        stall.map_or(fate.settled, |stall| stall.to).saturating_add(LATE)
    }

    /// How long the daemon was awake from one time to another; 0 where the second is the first one.
    pub fn awake(&self, from: Moment, to: Moment) -> Nanos {
        let asleep = self.stalls.iter().map(|stall| stall.to.min(to).saturating_sub(stall.from.max(from)));
        to.saturating_sub(from).saturating_sub(asleep.sum())
    }
}
