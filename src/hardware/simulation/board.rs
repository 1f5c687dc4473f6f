//! The other end of the simulated wires: what tests and other programs do to them.

use std::sync::{MutexGuard, PoisonError};

use super::{Board, Level, Place, Wires};
use crate::domain::Fault;
use crate::hardware::Line;
use crate::hardware::parts::Parts;

impl Board {
    /// Its sensors.
    pub fn parts(&self) -> Parts {
        self.parts.clone()
    }

    /// The level of a line; low where nothing was ever connected.
    pub fn level(&self, line: &Line) -> Level {
        self.wires().lines.get(line).map(|wire| wire.level).unwrap_or_default()
    }

    /// Whether something here drives a line, or left it driven.
    pub fn is_driven(&self, line: &Line) -> bool {
        self.wires().lines.get(line).is_some_and(|wire| wire.driven)
    }

    /// Drives a line from outside; a waiting input sees the edge.
    pub fn drive(&self, line: &Line, level: Level) {
        let mut wires = self.wires();
        if wires.faults.is_stuck(line) {
            return;
        }
        let wire = wires.lines.entry(line.clone()).or_default();
        if wire.level == level {
            return;
        }
        wire.level = level;
        let told = wire.listener.as_mut().and_then(|listener| listener.hear(level));
        // The listener is called without the lock: it belongs to somebody else.
        drop(wires);
        if let Some((edge, edges)) = told {
            edges(edge);
        }
    }

    /// Takes a line as another program would, under the name `consumer`.
    pub fn hold(&self, line: &Line, consumer: &str) {
        self.wires().lines.entry(line.clone()).or_default().consumer = Some(consumer.to_owned());
    }

    /// Leaves a line driven at `level`, as a program that has ended may have done.
    pub fn leave_driven(&self, line: &Line, level: Level) {
        let mut wires = self.wires();
        let wire = wires.lines.entry(line.clone()).or_default();
        (wire.level, wire.driven) = (level, true);
    }

    /// Makes a line keep its level whatever drives it.
    pub fn stick(&self, line: &Line) {
        self.inject(Place::Line(line.clone()), Fault::Stuck);
    }

    /// Begins to write down every change of outputs, request by request.
    pub fn record(&self) {
        self.wires().history = Some(Vec::new());
    }

    /// What was written down since [`Board::record`]: for each request the lines it set, and their levels.
    pub fn history(&self) -> Vec<Vec<(Line, Level)>> {
        self.wires().history.clone().unwrap_or_default()
    }

    pub(super) fn wires(&self) -> MutexGuard<'_, Wires> {
        // Every change of the wires is a plain assignment, so a panic elsewhere leaves them whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
