//! Times in order, of which the middle and the worst are told.

use std::fmt;

/// Times in microseconds, in order.
pub struct Spread(Vec<f64>);

impl Spread {
    pub fn of(mut times: Vec<f64>) -> Spread {
        times.sort_by(f64::total_cmp);
        Spread(times)
    }

    /// The time that this part of them does not exceed.
    pub fn at(&self, part: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * part).round() as usize]
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p90, p99, most] = [0.5, 0.9, 0.99, 1.0].map(|part| self.at(part));
        write!(f, "p50 {p50:.0}, p90 {p90:.0}, p99 {p99:.0}, at most {most:.0}")
    }
}
