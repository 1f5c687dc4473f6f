//! The list of tests that every backend passes, over the simulation.

// A test that cannot go on panics: that is how it fails.
#![allow(clippy::unwrap_used)]

#[path = "support/hands.rs"]
mod hands;

use gpio_gatekeeper::hardware::{Board, Level, Line, Simulation};
use hands::{Bench, Wires};

hands::hands!(simulation, Some(crate::bench()));

/// The chip that the simulation has for lines that are offsets.
const CHIP: &str = "simulated";

fn bench() -> Bench {
    let simulation = Simulation::new();
    let board = simulation.board();
    Bench { hardware: Box::new(simulation), wires: Box::new(board), chip: CHIP }
}

impl Wires for Board {
    fn pull(&self, line: u32, to: Level) {
        self.drive(&on_chip(line), to);
    }

    fn level(&self, line: u32) -> u8 {
        u8::from(Board::level(self, &on_chip(line)) == Level::High)
    }
}

fn on_chip(offset: u32) -> Line {
    Line { chip: CHIP.into(), offset }
}
