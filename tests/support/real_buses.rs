//! Simulated lines, and the buses of this machine.

use std::sync::Arc;

use gpio_gatekeeper::hardware::buses::SystemBuses;
use gpio_gatekeeper::hardware::{Hardware, Simulation};

use super::wrapped::Wrapped;

/// Such hardware.
pub fn real_buses() -> impl Hardware {
    Wrapped { simulation: Simulation::new(), wrap: |outputs, _| outputs, buses: Arc::new(SystemBuses) }
}
