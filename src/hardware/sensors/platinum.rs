//! Platinum resistance thermometers: the equation of Callendar and Van Dusen with the coefficients of IEC 60751.

use super::fault;
use crate::hardware::buses::BusError;

const A: f64 = 3.9083e-3;
const B: f64 = -5.775e-7;
/// Below 0 °C only.
const C: f64 = -4.183e-12;

/// The temperatures for which the coefficients are good.
const RANGE: std::ops::RangeInclusive<f64> = -200.0..=850.0;

/// The resistance at `temperature` °C of a thermometer that has `zero` ohms at 0 °C, in ohms.
pub fn resistance(temperature: f64, zero: f64) -> f64 {
    let t = temperature;
    let below = if t < 0.0 { C * (t - 100.0) * t.powi(3) } else { 0.0 };
    zero * (1.0 + A * t + B * t * t + below)
}

/// The temperature in °C at `resistance` ohms of a thermometer that has `zero` ohms at 0 °C.
pub fn temperature(resistance: f64, zero: f64) -> Result<f64, BusError> {
    let ratio = resistance / zero;
    // What solves the equation above 0 °C; below it is 2 °C off at most, and where Newton's method begins.
    let root = A * A - 4.0 * B * (1.0 - ratio);
    let mut t = (-A + root.sqrt()) / (2.0 * B);
    if ratio < 1.0 {
        for _ in 0..NEWTON_STEPS {
            let slope = A + 2.0 * B * t + C * (4.0 * t - 300.0) * t * t;
            t -= (self::resistance(t, 1.0) - ratio) / slope;
        }
    }
    // A hair of room, so that rounding at the end of the range is not the end of the sensor.
    if t >= RANGE.start() - 0.1 && t <= RANGE.end() + 0.1 {
        Ok(t)
    } else if ratio < 1.0 {
        Err(fault("the resistance is too small for a platinum thermometer: it is shorted"))
    } else {
        Err(fault("the resistance is too large for a platinum thermometer: a wire is open"))
    }
}

/// More than enough: each step doubles the number of digits.
const NEWTON_STEPS: usize = 6;
