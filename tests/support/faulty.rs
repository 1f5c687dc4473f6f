//! Simulated hardware whose lines fail when they are told to.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use gpio_gatekeeper::domain::{LineAddress, Polarity, PwmAddress, Value};
use gpio_gatekeeper::hardware::{
    Board, EdgeSink, Hardware, HardwareError, Input, InputRequest, Line, Outputs, Pwm, Signal, Simulation,
    Start,
};

/// Makes it fail, from outside.
#[derive(Clone, Default)]
pub struct Switch(Arc<Wire>);

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

struct FaultyHardware {
    simulation: Simulation,
    switch: Switch,
}

struct FaultyInput {
    input: Box<dyn Input>,
    line: u32,
    switch: Switch,
}

struct FaultyOutputs {
    outputs: Box<dyn Outputs>,
    lines: Vec<u32>,
    switch: Switch,
}

/// Hardware that can be made to fail, the other end of its wires, and what makes it fail.
pub fn hardware() -> (Box<dyn Hardware>, Board, Switch) {
    let (simulation, switch) = (Simulation::new(), Switch::default());
    let board = simulation.board();
    (Box::new(FaultyHardware { simulation, switch: switch.clone() }), board, switch)
}

impl Hardware for FaultyHardware {
    fn backend(&self) -> &'static str {
        "faulty"
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn locate(&mut self, address: &LineAddress) -> Result<Line, HardwareError> {
        self.simulation.locate(address)
    }

    fn open_outputs(
        &mut self,
        lines: &[(Line, Polarity)],
        start: Start<'_>,
    ) -> Result<Box<dyn Outputs>, HardwareError> {
        let outputs = self.simulation.open_outputs(lines, start)?;
        let lines = lines.iter().map(|(line, _)| line.offset).collect();
        Ok(Box::new(FaultyOutputs { outputs, lines, switch: self.switch.clone() }))
    }

    fn open_input(
        &mut self,
        line: &Line,
        request: InputRequest,
        input: usize,
        edges: EdgeSink,
    ) -> Result<Box<dyn Input>, HardwareError> {
        let (offset, switch) = (line.offset, self.switch.clone());
        let input = self.simulation.open_input(line, request, input, edges)?;
        Ok(Box::new(FaultyInput { input, line: offset, switch }))
    }

    fn open_pwm(
        &mut self,
        address: &PwmAddress,
        polarity: Polarity,
        start: Signal,
    ) -> Result<Box<dyn Pwm>, HardwareError> {
        self.simulation.open_pwm(address, polarity, start)
    }
}

impl Input for FaultyInput {
    fn read(&mut self) -> Result<Value, HardwareError> {
        match self.switch.fault(&[self.line]) {
            Some(Fault::Read) => Err(failed("read")),
            _ => self.input.read(),
        }
    }

    fn drive(&mut self, value: Value) -> Result<(), HardwareError> {
        self.input.drive(value)
    }
}

impl Switch {
    /// From now on the line of this offset fails.
    pub fn set(&self, offset: u32, fault: Fault) {
        *self.state() = Some((offset, fault));
    }

    /// Everything works again, and what was stuck goes on.
    pub fn mend(&self) {
        *self.state() = None;
        self.0.mended.notify_all();
    }

    fn fault(&self, lines: &[u32]) -> Option<Fault> {
        self.state().filter(|(offset, _)| lines.contains(offset)).map(|(_, fault)| fault)
    }

    fn wait_until_mended(&self) {
        drop(self.0.mended.wait_while(self.state(), |fault| fault.is_some()));
    }

    fn state(&self) -> MutexGuard<'_, Option<(u32, Fault)>> {
        self.0.fault.lock().expect("nobody panics with it")
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
            Some(Fault::Write) => return Err(failed("write")),
            Some(Fault::Read) | None => {}
        }
        self.outputs.write(values)
    }

    fn read(&mut self) -> Result<Vec<Value>, HardwareError> {
        match self.switch.fault(&self.lines) {
            Some(Fault::Read) => Err(failed("read")),
            _ => self.outputs.read(),
        }
    }
}

fn failed(call: &str) -> HardwareError {
    HardwareError::Call { call: call.to_owned(), cause: io::Error::other("the test has cut the wire") }
}
