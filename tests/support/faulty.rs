//! Simulated hardware whose lines fail when they are told to.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use gpio_gatekeeper::domain::{Fault as Injected, Value};
use gpio_gatekeeper::hardware::{Board, Hardware, HardwareError, Outputs, Place, Simulation};

use super::gpio;
use super::wrapped::Wrapped;

/// Makes it fail, from outside.
#[derive(Clone)]
pub struct Switch {
    board: Board,
    wire: Arc<Wire>,
}

#[derive(Default)]
struct Wire {
    /// Which line fails, and how.
    fault: Mutex<Option<(u32, Fault)>>,
    mended: Condvar,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A write panics, once.
    Panic,
    /// A write does not come back until the fault is gone.
    Stuck,
    /// A write fails.
    Write,
    /// A read fails.
    Read,
}

struct FaultyOutputs {
    outputs: Box<dyn Outputs>,
    lines: Vec<u32>,
    switch: Switch,
}

/// Hardware that can be made to fail, the other end of its wires, and what makes it fail.
pub fn hardware() -> (Box<dyn Hardware>, Board, Switch) {
    let simulation = Simulation::new();
    let board = simulation.board();
    let switch = Switch { board: board.clone(), wire: Arc::default() };
    let of_outputs = switch.clone();
    let wrap = move |outputs, lines| -> Box<dyn Outputs> {
        Box::new(FaultyOutputs { outputs, lines, switch: of_outputs.clone() })
    };
    (Box::new(Wrapped::new(simulation, wrap)), board, switch)
}

impl Switch {
    /// From now on the line of this offset fails.
    pub fn set(&self, offset: u32, fault: Fault) {
        let injected = match fault {
            Fault::Write => Some(Injected::WriteFails),
            Fault::Read => Some(Injected::ReadFails),
            // The simulation has none of these.
            Fault::Panic | Fault::Stuck => None,
        };
        if let Some(fault) = injected {
            self.board.inject(Place::Line(gpio(offset)), fault);
        }
        *self.state() = Some((offset, fault));
    }

    /// Everything works again, and what was stuck goes on.
    pub fn mend(&self) {
        if let Some((offset, _)) = self.state().take() {
            self.board.mend(&Place::Line(gpio(offset)));
        }
        self.wire.mended.notify_all();
    }

    fn fault(&self, lines: &[u32]) -> Option<Fault> {
        self.state().filter(|(offset, _)| lines.contains(offset)).map(|(_, fault)| fault)
    }

    fn wait_until_mended(&self) {
        drop(self.wire.mended.wait_while(self.state(), |fault| fault.is_some()));
    }

    fn state(&self) -> MutexGuard<'_, Option<(u32, Fault)>> {
        self.wire.fault.lock().expect("nobody panics with it")
    }
}

impl Outputs for FaultyOutputs {
    fn write(&mut self, values: &[Value]) -> Result<(), HardwareError> {
        match self.switch.fault(&self.lines) {
            Some(Fault::Panic) => {
                self.switch.mend();
                panic!("a panic that the test wants");
            }
            Some(Fault::Stuck) => self.switch.wait_until_mended(),
            Some(Fault::Write | Fault::Read) | None => {}
        }
        self.outputs.write(values)
    }

    fn read(&mut self) -> Result<Vec<Value>, HardwareError> {
        self.outputs.read()
    }
}
