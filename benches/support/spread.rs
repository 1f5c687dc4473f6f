//! Times in order, of which the middle and the worst are told.

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
