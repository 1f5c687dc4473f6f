//! PWM channels of the simulation: a chip has whichever channel is asked for.

use super::{Board, Place};
use crate::domain::{Fault, Polarity, PwmAddress};
use crate::hardware::{HardwareError, Pwm, Signal};

/// A simulated channel, as it is seen at its pin.
#[derive(Default)]
pub(super) struct Channel {
    signal: Option<(Signal, Polarity)>,
    taken: bool,
    history: Vec<Signal>,
}

/// A simulated channel that was taken.
pub(super) struct SimulatedPwm {
    board: Board,
    address: PwmAddress,
    polarity: Polarity,
}

impl Board {
    /// The signal that a PWM channel gives, and which level is its active one; nothing where nobody ever took it.
    pub fn signal(&self, address: &PwmAddress) -> Option<(Signal, Polarity)> {
        self.wires().channels.get(address).and_then(|channel| channel.signal)
    }

    /// Every signal that a PWM channel was given since [`Board::record`].
    pub fn signals(&self, address: &PwmAddress) -> Vec<Signal> {
        self.wires().channels.get(address).map(|channel| channel.history.clone()).unwrap_or_default()
    }

    /// Makes a PWM channel keep its signal whatever is written.
    pub fn stick_channel(&self, address: &PwmAddress) {
        self.inject(Place::Channel(address.clone()), Fault::Stuck);
    }

    /// Makes every write to a PWM channel fail from now on.
    pub fn break_channel(&self, address: &PwmAddress) {
        self.inject(Place::Channel(address.clone()), Fault::WriteFails);
    }
}

impl SimulatedPwm {
    /// Takes a channel, which nobody else may have.
    pub(super) fn open(
        board: Board,
        address: &PwmAddress,
        polarity: Polarity,
        start: Signal,
    ) -> Result<SimulatedPwm, HardwareError> {
        let mut wires = board.wires();
        let channel = wires.channels.entry(address.clone()).or_default();
        if channel.taken {
            return Err(HardwareError::Unsupported(format!("PWM channel {address} is taken already")));
        }
        channel.taken = true;
        drop(wires);
        let mut pwm = SimulatedPwm { board, address: address.clone(), polarity };
        pwm.write(start)?;
        Ok(pwm)
    }
}

impl Pwm for SimulatedPwm {
    fn write(&mut self, signal: Signal) -> Result<(), HardwareError> {
        let mut wires = self.board.wires();
        if wires.history.is_some() {
            wires.channels.entry(self.address.clone()).or_default().history.push(signal);
        }
        wires.faults.check_channel(&self.address)?;
        if !wires.faults.is(&Place::Channel(self.address.clone()), Fault::Stuck) {
            wires.channels.entry(self.address.clone()).or_default().signal = Some((signal, self.polarity));
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Signal, HardwareError> {
        self.board
            .signal(&self.address)
            .map(|(signal, _)| signal)
            .ok_or_else(|| HardwareError::ReadBack(format!("PWM channel {} was never written", self.address)))
    }
}

impl Drop for SimulatedPwm {
    fn drop(&mut self) {
        self.board.wires().channels.entry(self.address.clone()).or_default().taken = false;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::hardware::{Hardware, Simulation};

    #[test]
    fn a_channel_reads_back_its_signal_and_has_one_holder() {
        let mut simulation = Simulation::new();
        let address = PwmAddress { chip: "fe20c000.pwm".to_owned(), channel: 1 };
        let [off, half] = [0.0, 0.5].map(|duty| Signal::new(Duration::from_millis(1), duty));
        let mut pwm = simulation.open_pwm(&address, Polarity::ActiveLow, off).expect("a free channel");
        pwm.write(half).expect("simulated");
        assert_eq!(simulation.board().signal(&address), Some((half, Polarity::ActiveLow)));
        assert!(simulation.open_pwm(&address, Polarity::ActiveHigh, off).is_err());
        drop(pwm);
        assert!(simulation.open_pwm(&address, Polarity::ActiveHigh, off).is_ok());
    }

    #[test]
    fn a_stuck_channel_keeps_its_signal() {
        let mut simulation = Simulation::new();
        let address = PwmAddress { chip: "fe20c000.pwm".to_owned(), channel: 0 };
        let [off, half] = [0.0, 0.5].map(|duty| Signal::new(Duration::from_millis(1), duty));
        let mut pwm = simulation.open_pwm(&address, Polarity::ActiveHigh, off).expect("a free channel");
        simulation.board().stick_channel(&address);
        pwm.write(half).expect("simulated");
        assert_eq!(pwm.read().expect("simulated"), off);
    }
}
