//! The buses of a controller, without their threads: they go on when they are let.

use std::time::Instant;

use gpio_gatekeeper::control::{Controller, Now};
use gpio_gatekeeper::hardware::buses::Bus;

/// All buses.
pub struct Buses {
    buses: Vec<Bus>,
    hang: bool,
}

impl Buses {
    /// The buses of the controller's sensors.
    pub fn of(controller: &mut Controller) -> Buses {
        Buses { buses: Bus::all(controller.take_probes()).into_values().collect(), hang: false }
    }

    /// None of them comes back any more.
    pub fn hang(&mut self) {
        self.hang = true;
    }

    /// When one of them wants to go on.
    pub fn due(&mut self, controller: &Controller, now: Instant) -> Option<Instant> {
        self.take_questions(controller);
        let due = self.buses.iter().filter_map(|bus| bus.due(now)).min();
        due.filter(|_| !self.hang)
    }

    /// Lets them do what is due.
    pub fn run(&mut self, controller: &mut Controller, now: Now) {
        self.take_questions(controller);
        if self.hang {
            return;
        }
        let parts = controller.buses();
        for bus in &mut self.buses {
            while bus.due(now.instant).is_some_and(|due| due <= now.instant) {
                if let Some(reading) = bus.step(parts.as_ref(), || now.instant) {
                    controller.reading(reading, now);
                }
            }
        }
    }

    fn take_questions(&mut self, controller: &Controller) {
        for sensor in controller.asked() {
            self.buses.iter_mut().for_each(|bus| bus.ask(sensor));
        }
    }
}
