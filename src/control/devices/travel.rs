//! Where something is that moves between two ends, as far as time tells.

use std::time::{Duration, Instant};

/// How far open it is from 0 (closed) to 100 (open), and how long it takes from one to the other.
#[derive(Debug, Clone)]
pub(super) struct Travel {
    times: Times,
    position: Option<f64>,
    /// Which way it moves, and since when its position is not up to date.
    moving: Option<(Direction, Instant)>,
}

/// How long it travels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// From closed to open.
    pub(super) opening: Duration,
    /// From open to closed.
    pub(super) closing: Duration,
    /// How much longer it runs where it is to come to an end.
    pub(super) overrun: Duration,
}

/// Which way it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Opening,
    Closing,
}

pub(super) const CLOSED: f64 = 0.0;
pub(super) const OPEN: f64 = 100.0;
/// Nobody sees the difference of two positions that are as near as this.
const NEAR: f64 = 0.5;

impl Direction {
    /// The position at its end.
    pub(super) fn end(self) -> f64 {
        match self {
            Direction::Opening => OPEN,
            Direction::Closing => CLOSED,
        }
    }
}

impl Travel {
    /// It rests, nobody knows where.
    pub(super) fn new(times: Times) -> Travel {
        Travel { times, position: None, moving: None }
    }

    /// Where it was when it was last asked to [`Travel::advance`], if anybody knows.
    pub(super) fn position(&self) -> Option<f64> {
        self.position
    }

    /// Which way it has to move to get there; nothing where it is there, or nobody knows which way.
    pub(super) fn direction_to(&self, target: f64) -> Option<Direction> {
        match self.position {
            Some(position) if (position - target).abs() < NEAR => None,
            Some(position) if position < target => Some(Direction::Opening),
            Some(_) => Some(Direction::Closing),
            None if target >= OPEN => Some(Direction::Opening),
            None if target <= CLOSED => Some(Direction::Closing),
            None => None,
        }
    }

    /// How long it has to run to get there: on the safe side where nobody knows where it is.
    pub(super) fn time_to(&self, target: f64, direction: Direction) -> Duration {
        let from = self.position.unwrap_or(OPEN - direction.end());
        let overrun = if target == direction.end() { self.times.overrun } else { Duration::ZERO };
        self.time_of(direction).mul_f64((target - from).abs() / OPEN) + overrun
    }

    /// It moves from now on.
    pub(super) fn start(&mut self, direction: Direction, now: Instant) {
        self.advance(now);
        self.moving = Some((direction, now));
    }

    /// It rests from now on.
    pub(super) fn stop(&mut self, now: Instant) {
        self.advance(now);
        self.moving = None;
    }

    /// It is there: that was seen, or is as good as seen.
    pub(super) fn is_at(&mut self, position: f64) {
        self.position = Some(position);
    }

    /// Nobody knows any more where it is.
    pub(super) fn forget(&mut self) {
        self.position = None;
    }

    /// Brings its position up to date.
    pub(super) fn advance(&mut self, now: Instant) {
        let Some((direction, since)) = self.moving else { return };
        let moved = now.saturating_duration_since(since).as_secs_f64();
        let part = OPEN * moved / self.time_of(direction).as_secs_f64();
        self.moving = Some((direction, now));
        self.position = self.position.map(|position| match direction {
            Direction::Opening => (position + part).min(OPEN),
            Direction::Closing => (position - part).max(CLOSED),
        });
    }

    fn time_of(&self, direction: Direction) -> Duration {
        match direction {
            Direction::Opening => self.times.opening,
            Direction::Closing => self.times.closing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn travel() -> Travel {
        Travel::new(Times { opening: 20 * SECOND, closing: 10 * SECOND, overrun: SECOND })
    }

    #[test]
    fn time_moves_it() {
        let (mut travel, start) = (travel(), Instant::now());
        travel.is_at(50.0);
        travel.start(Direction::Opening, start);
        travel.advance(start + 2 * SECOND);
        assert_eq!(travel.position(), Some(60.0));
        travel.stop(start + 100 * SECOND);
        assert_eq!(travel.position(), Some(OPEN));
        travel.start(Direction::Closing, start + 200 * SECOND);
        travel.stop(start + 201 * SECOND);
        travel.advance(start + 300 * SECOND);
        assert_eq!(travel.position(), Some(90.0));
    }

    #[test]
    fn an_end_is_run_to_for_longer_than_it_takes() {
        let mut travel = travel();
        assert_eq!(travel.time_to(OPEN, Direction::Opening), 21 * SECOND);
        assert_eq!(travel.time_to(CLOSED, Direction::Closing), 11 * SECOND);
        travel.is_at(50.0);
        assert_eq!(travel.time_to(CLOSED, Direction::Closing), 6 * SECOND);
        assert_eq!(travel.time_to(75.0, Direction::Opening), 5 * SECOND);
    }

    #[test]
    fn only_an_end_can_be_found_from_nowhere() {
        let mut travel = travel();
        let targets = [OPEN, CLOSED, 50.0];
        let ways = [Some(Direction::Opening), Some(Direction::Closing), None];
        assert_eq!(targets.map(|target| travel.direction_to(target)), ways);
        travel.is_at(50.0);
        assert_eq!(targets.map(|target| travel.direction_to(target)), ways);
        travel.forget();
        assert_eq!(travel.position(), None);
    }
}
