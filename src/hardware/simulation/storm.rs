//! Storms: edges that come faster than anybody could want.

use std::thread::{Builder, JoinHandle};

use super::{Board, Simulation};
use crate::hardware::{HardwareError, Level, Line};

/// The threads that make edges.
#[derive(Default)]
pub(super) struct Storms {
    threads: Vec<JoinHandle<()>>,
    /// The simulation is about to end.
    is_over: bool,
}

impl Board {
    /// Lets so many edges come on a line, as fast as a thread can make them; after an even number the level is what it
    /// was.  Returns at once.
    pub fn storm(&self, line: &Line, edges: u32) -> Result<(), HardwareError> {
        let (board, line) = (self.clone(), line.clone());
        let storm = move || {
            for _ in 0..edges {
                if board.wires().storms.is_over {
                    return;
                }
                let level = if board.level(&line) == Level::High { Level::Low } else { Level::High };
                board.drive(&line, level);
            }
        };
        let started = Builder::new().name("storm".to_owned()).spawn(storm);
        let thread = started
            .map_err(|cause| HardwareError::Call { call: "start the thread storm".to_owned(), cause })?;
        let mut wires = self.wires();
        wires.storms.threads.retain(|thread| !thread.is_finished());
        wires.storms.threads.push(thread);
        Ok(())
    }

    /// Waits until no more edges come.
    pub fn calm(&self) {
        let threads = std::mem::take(&mut self.wires().storms.threads);
        for thread in threads {
            // It does nothing that could panic but to call the listener, which tells of that itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.board.wires().storms.is_over = true;
        self.board.calm();
    }
}
