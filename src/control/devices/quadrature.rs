//! What two lines say that turn on and off a quarter of a turn apart: which way, and how far.

use crate::domain::Value;

/// The two lines of a rotary encoder, and how far it was turned since the last step.
///
/// Only from one of the four states to its neighbour is a move.  A contact that bounces goes to and fro between two
/// neighbours, which is no way at all; and where both lines seem to have changed at once something was missed, and
/// nobody knows which way it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quadrature {
    lines: [Value; 2],
    /// Moves since the last step: clockwise counts up.
    moves: i32,
    /// Moves of a step: 1, 2 or 4.
    per_step: i32,
}

impl Quadrature {
    /// At rest, with what the lines are.
    pub(super) fn new(lines: [Value; 2], per_step: i32) -> Quadrature {
        Quadrature { lines, moves: 0, per_step }
    }

    /// What the lines are.
    pub(super) fn lines(&self) -> [Value; 2] {
        self.lines
    }

    /// Takes note of what the lines are: 1 for a step clockwise, -1 for one counter-clockwise, 0 for none.
    pub(super) fn turn(&mut self, lines: [Value; 2]) -> i32 {
        self.moves += match (quarter(lines) - quarter(self.lines)).rem_euclid(4) {
            1 => 1,
            3 => -1,
            _ => 0,
        };
        self.lines = lines;
        // A knob that rests where both lines are inactive has come to the next rest or back to the last; one of its
        // moves may have been missed.
        let at_rest = self.per_step == 4 && quarter(lines) == 0;
        let enough = if at_rest { 2 } else { self.per_step };
        let step = if self.moves.abs() < enough { 0 } else { self.moves.signum() };
        if step != 0 || at_rest {
            self.moves = 0;
        }
        step
    }

    /// What the lines are one after the other in a step clockwise, or else counter-clockwise.
    pub(super) fn path(&self, direction: i32) -> Vec<[Value; 2]> {
        let from = quarter(self.lines);
        (1..=self.per_step).map(|moves| STATES[(from + direction * moves).rem_euclid(4) as usize]).collect()
    }
}

/// The states in their clockwise order: the first line leads.
const STATES: [[Value; 2]; 4] = [
    [Value::Inactive, Value::Inactive],
    [Value::Active, Value::Inactive],
    [Value::Active, Value::Active],
    [Value::Inactive, Value::Active],
];

/// The place of a state in their order.
fn quarter(lines: [Value; 2]) -> i32 {
    match lines {
        [Value::Inactive, Value::Inactive] => 0,
        [Value::Active, Value::Inactive] => 1,
        [Value::Active, Value::Active] => 2,
        [Value::Inactive, Value::Active] => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(per_step: i32, quarters: &[usize]) -> Vec<i32> {
        let mut encoder = Quadrature::new(STATES[0], per_step);
        quarters.iter().map(|quarter| encoder.turn(STATES[*quarter])).collect()
    }

    #[test]
    fn a_step_is_as_many_moves_as_the_knob_has() {
        assert_eq!(turned(4, &[1, 2, 3, 0]), [0, 0, 0, 1]);
        assert_eq!(turned(4, &[3, 2, 1, 0]), [0, 0, 0, -1]);
        assert_eq!(turned(2, &[1, 2, 3, 0]), [0, 1, 0, 1]);
        assert_eq!(turned(1, &[1, 2, 1]), [1, 1, -1]);
    }

    #[test]
    fn bouncing_is_no_way_at_all() {
        assert_eq!(turned(4, &[1, 0, 1, 0, 1, 2, 1, 2, 3, 2, 3, 0, 3, 0]).iter().sum::<i32>(), 1);
        assert_eq!(turned(4, &[1, 2, 1, 0]), [0; 4], "turned half-way and back");
    }

    #[test]
    fn a_missed_move_costs_no_step_and_makes_none() {
        assert_eq!(turned(4, &[1, 3, 0]), [0, 0, 1]);
        assert_eq!(turned(4, &[2, 0]), [0, 0]);
        assert_eq!(turned(4, &[3, 1, 0, 1, 2, 3, 0]), [0, 0, -1, 0, 0, 0, 1], "and the next begins afresh");
    }

    #[test]
    fn its_own_path_is_a_step() {
        for (per_step, direction) in [(4, 1), (4, -1), (2, 1), (1, -1)] {
            let mut encoder = Quadrature::new(STATES[0], per_step);
            let steps: i32 = encoder.path(direction).into_iter().map(|lines| encoder.turn(lines)).sum();
            assert_eq!(steps, direction);
        }
    }
}
