//! The thermal model of the kind `simulated`: one mass that a heater warms and the air cools, a fan more so.

use std::time::{Duration, Instant};

/// What does not change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setup {
    /// The temperature of the air, in °C.
    pub(super) ambient: f64,
    /// How much warmer than the air it gets in the end with the heater at 1 and without a fan, in °C.
    pub(super) heating: f64,
    /// How much faster it loses heat with the fan at 1: 2 for three times as fast.
    pub(super) cooling: f64,
    /// The time in which two thirds of a change are done, without a fan.
    pub(super) time_constant: Duration,
}

/// The model and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thermal {
    setup: Setup,
    temperature: f64,
    at: Instant,
    heater: f64,
    fan: f64,
}

impl Thermal {
    /// As warm as the air, with everything off.
    pub(super) fn new(setup: Setup, now: Instant) -> Thermal {
        Thermal { setup, temperature: setup.ambient, at: now, heater: 0.0, fan: 0.0 }
    }

    /// The temperature at `now`, in °C.
    pub(super) fn at(&mut self, now: Instant) -> f64 {
        let Setup { ambient, heating, cooling, time_constant } = self.setup;
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        // More air takes the heat away faster, which makes both the end lower and the way there shorter.
        let loss = 1.0 + cooling * self.fan;
        let end = ambient + heating * self.heater / loss;
        let left = (-elapsed * loss / time_constant.as_secs_f64()).exp();
        (self.temperature, self.at) = (end + (self.temperature - end) * left, now);
        self.temperature
    }

    /// From now on it has this temperature, and goes on from there.
    pub(super) fn set(&mut self, temperature: f64, now: Instant) {
        (self.temperature, self.at) = (temperature, now);
    }

    /// From now on the heater has this power, from 0 to 1.
    pub(super) fn heat(&mut self, power: f64, now: Instant) {
        self.at(now);
        self.heater = power.clamp(0.0, 1.0);
    }

    /// From now on the fan has this speed, from 0 to 1; backwards it cools as well.
    pub(super) fn blow(&mut self, speed: f64, now: Instant) {
        self.at(now);
        self.fan = speed.abs().min(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETUP: Setup =
        Setup { ambient: 20.0, heating: 60.0, cooling: 2.0, time_constant: Duration::from_secs(100) };

    fn after(thermal: &mut Thermal, start: Instant, seconds: u64) -> f64 {
        (thermal.at(start + Duration::from_secs(seconds)) * 10.0).round() / 10.0
    }

    #[test]
    fn it_warms_towards_its_end_and_cools_towards_the_air() {
        let start = Instant::now();
        let mut thermal = Thermal::new(SETUP, start);
        assert_eq!(after(&mut thermal, start, 1000), 20.0);
        let start = start + Duration::from_secs(1000);
        thermal.heat(1.0, start);
        assert_eq!([100, 200, 10_000].map(|seconds| after(&mut thermal, start, seconds)), [57.9, 71.9, 80.0]);
        let start = start + Duration::from_secs(10_000);
        thermal.heat(0.0, start);
        assert_eq!(after(&mut thermal, start, 100), 42.1);
    }

    #[test]
    fn a_fan_makes_it_cooler_and_faster() {
        let start = Instant::now();
        let mut thermal = Thermal::new(SETUP, start);
        thermal.heat(2.0, start);
        thermal.blow(-1.0, start);
        assert_eq!([50, 10_000].map(|seconds| after(&mut thermal, start, seconds)), [35.5, 40.0]);
        thermal.set(90.0, start + Duration::from_secs(10_000));
        assert_eq!(after(&mut thermal, start, 10_000), 90.0);
    }
}
