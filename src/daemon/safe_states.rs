//! `gpio-gatekeeper safe-states`: what the `on_stop` settings say, done for a daemon that could not do it any more.

use std::fmt;
use std::sync::mpsc::channel;

use super::{DaemonConfig, plan};
use crate::control::{Now, Plan, SafeState, SafeStates};
use crate::domain::DeviceName;
use crate::hardware::Hardware;

/// What became of every device.
#[derive(Debug)]
pub struct BroughtToSafety {
    devices: Vec<(DeviceName, SafeState)>,
    simulated: bool,
}

/// Brings every device to its `on_stop` state, but for those whose lines somebody else holds; waits for nothing but the
/// dead times of interlocks.
pub fn bring_to_safety(config: DaemonConfig, hardware: Box<dyn Hardware>) -> BroughtToSafety {
    let simulated = hardware.is_simulated();
    let planned = Plan { devices: plan(config.devices), interlocks: config.interlocks, ..Plan::default() };
    let states = SafeStates::begin(hardware, config.hardware.chip.as_deref(), planned, Now::read());
    let dead_time = states.dead_time();
    if !dead_time.is_zero() {
        // Nobody sends anything: what is waited for is the time.
        let (_sender, nothing) = channel::<()>();
        let _ = nothing.recv_timeout(dead_time);
    }
    BroughtToSafety { devices: states.finish(Now::read()), simulated }
}

impl BroughtToSafety {
    /// Whether every device is where it is to be.
    pub fn is_complete(&self) -> bool {
        !self.devices.iter().any(|(_, state)| matches!(state, SafeState::Failed(_)))
    }
}

/// A line for each device.
impl fmt::Display for BroughtToSafety {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.simulated {
            writeln!(f, "SIMULATED: no real line is touched")?;
        }
        for (name, state) in &self.devices {
            match state {
                SafeState::Reached(read) => writeln!(f, "{name}: {read}")?,
                SafeState::OffBeside(rival) => {
                    writeln!(f, "{name}: off, because of {rival}, with which it shares an interlock")?;
                }
                SafeState::Held => writeln!(f, "{name}: left alone, its on_stop is hold")?,
                SafeState::Nothing => writeln!(f, "{name}: left alone, it has no outputs")?,
                SafeState::Failed(why) => writeln!(f, "{name}: NOT DONE: {why}")?,
            }
        }
        Ok(())
    }
}
