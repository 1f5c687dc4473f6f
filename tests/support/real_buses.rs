//! Simulated lines, and the buses of this machine.

use gpio_gatekeeper::domain::{LineAddress, Polarity, PwmAddress};
use gpio_gatekeeper::hardware::{
    EdgeSink, Hardware, HardwareError, Input, InputRequest, Line, Outputs, Pwm, Signal, Simulation, Start,
};

/// Such hardware.
pub struct RealBuses(Simulation);

impl RealBuses {
    /// With lines of its own.
    pub fn new() -> RealBuses {
        RealBuses(Simulation::new())
    }
}

impl Hardware for RealBuses {
    fn backend(&self) -> &'static str {
        "mixed"
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn locate(&mut self, address: &LineAddress) -> Result<Line, HardwareError> {
        self.0.locate(address)
    }

    fn open_outputs(
        &mut self,
        lines: &[(Line, Polarity)],
        start: Start<'_>,
    ) -> Result<Box<dyn Outputs>, HardwareError> {
        self.0.open_outputs(lines, start)
    }

    fn open_input(
        &mut self,
        line: &Line,
        request: InputRequest,
        input: usize,
        edges: EdgeSink,
    ) -> Result<Box<dyn Input>, HardwareError> {
        self.0.open_input(line, request, input, edges)
    }
    fn open_pwm(
        &mut self,
        address: &PwmAddress,
        polarity: Polarity,
        start: Signal,
    ) -> Result<Box<dyn Pwm>, HardwareError> {
        self.0.open_pwm(address, polarity, start)
    }
}
