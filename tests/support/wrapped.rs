//! Simulated hardware whose outputs are wrapped in something of a test's own.

use std::sync::Arc;

use gpio_gatekeeper::domain::{LineAddress, Polarity, PwmAddress};
use gpio_gatekeeper::hardware::buses::Buses;
use gpio_gatekeeper::hardware::{
    ChipSink, EdgeSink, Hardware, HardwareError, Input, InputRequest, Line, Outputs, Pwm, Signal, Simulation,
    Start,
};

/// The simulation, whose outputs go through `wrap` together with the offsets of their lines.
pub struct Wrapped<W> {
    /// What does everything else.
    pub simulation: Simulation,
    /// Makes of its outputs what the hardware thread gets.
    pub wrap: W,
    /// Where its sensors are.
    pub buses: Arc<dyn Buses>,
}

impl<W> Wrapped<W> {
    /// The simulation with its own buses.
    pub fn new(simulation: Simulation, wrap: W) -> Wrapped<W> {
        let buses = simulation.buses();
        Wrapped { simulation, wrap, buses }
    }
}

impl<W> Hardware for Wrapped<W>
where
    W: Fn(Box<dyn Outputs>, Vec<u32>) -> Box<dyn Outputs> + Send,
{
    fn backend(&self) -> &'static str {
        "wrapped"
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn watch_chips(&mut self, news: ChipSink) {
        self.simulation.watch_chips(news);
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
        Ok((self.wrap)(outputs, lines.iter().map(|(line, _)| line.offset).collect()))
    }

    fn open_input(
        &mut self,
        line: &Line,
        request: InputRequest,
        input: usize,
        edges: EdgeSink,
    ) -> Result<Box<dyn Input>, HardwareError> {
        self.simulation.open_input(line, request, input, edges)
    }

    fn open_pwm(
        &mut self,
        address: &PwmAddress,
        polarity: Polarity,
        start: Signal,
    ) -> Result<Box<dyn Pwm>, HardwareError> {
        self.simulation.open_pwm(address, polarity, start)
    }

    fn buses(&self) -> Arc<dyn Buses> {
        self.buses.clone()
    }
}
