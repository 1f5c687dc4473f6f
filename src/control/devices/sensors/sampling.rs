//! What is made of a reading before it counts: offset, plausibility, median, decimals.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::hardware::buses::Readings;

/// How a sensor is read, and what is made of its readings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sampling {
    /// The time from one reading to the next.
    pub(super) interval: Duration,
    /// The time after which a value is no value any more.
    pub(super) stale_after: Duration,
    /// Added to the main value.
    pub(super) offset: f64,
    /// The decimals of all values.
    pub(super) precision: u8,
    /// The smallest and the largest main value that is believed, offset included.
    pub(super) plausible: (f64, f64),
    /// Of so many readings the median counts.
    pub(super) median: usize,
}

/// The last readings.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<Readings>);

impl Sampling {
    /// What counts after this reading, or why it does not.
    pub(super) fn take(&self, mut readings: Readings, window: &mut Window) -> Result<Readings, Arc<str>> {
        let Some((name, main)) = readings.first_mut() else { return Err("the sensor told nothing".into()) };
        *main += self.offset;
        let (least, most) = self.plausible;
        // Without the value, which would make every reading another mistake.
        if *main < least {
            return Err(format!("the {name} is not plausible: it is below {least}").into());
        }
        if *main > most {
            return Err(format!("the {name} is not plausible: it is above {most}").into());
        }
        if readings.iter().any(|(_, value)| !value.is_finite()) {
            return Err("the sensor told what is no number".into());
        }
        window.0.push_back(readings.clone());
        while window.0.len() > self.median {
            window.0.pop_front();
        }
        for (place, (_, value)) in readings.iter_mut().enumerate() {
            let values = window.0.iter().filter_map(|earlier| earlier.get(place)).map(|(_, value)| *value);
            *value = self.rounded(median(values.collect()));
        }
        Ok(readings)
    }

    fn rounded(&self, value: f64) -> f64 {
        let scale = 10_f64.powi(i32::from(self.precision));
        // Added to zero, so that there is no -0.
        (value * scale).round() / scale + 0.0
    }
}

impl Window {
    /// What was read before has no part in what comes.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The value in the middle; of an even number of values the mean of the two there.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (Some(high), 0) => (values[middle - 1] + high) / 2.0,
        (Some(value), _) => *value,
        (None, _) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Sampling = Sampling {
        interval: Duration::from_secs(1),
        stale_after: Duration::from_secs(3),
        offset: 0.0,
        precision: 1,
        plausible: (-40.0, 85.0),
        median: 1,
    };

    fn take(sampling: &Sampling, values: &[f64]) -> Vec<Result<f64, String>> {
        let mut window = Window::default();
        let mut one = |value: &f64| sampling.take(vec![("temperature", *value)], &mut window);
        let main = |taken: Result<Readings, Arc<str>>| taken.map(|all| all[0].1).map_err(|e| e.to_string());
        values.iter().map(|value| main(one(value))).collect()
    }

    #[test]
    fn the_offset_is_added_and_decimals_are_cut() {
        assert_eq!(take(&PLAIN, &[21.449, -0.01]), [Ok(21.4), Ok(0.0)]);
        let off = Sampling { offset: -1.5, precision: 0, ..PLAIN };
        assert_eq!(take(&off, &[21.5]), [Ok(20.0)]);
        let reading = PLAIN.take(vec![("temperature", 20.06), ("humidity", 50.04)], &mut Window::default());
        assert_eq!(reading, Ok(vec![("temperature", 20.1), ("humidity", 50.0)]));
    }

    #[test]
    fn what_is_not_plausible_is_no_number() {
        let below = Err("the temperature is not plausible: it is below -40".to_owned());
        let above = Err("the temperature is not plausible: it is above 85".to_owned());
        assert_eq!(
            take(&PLAIN, &[-40.1, 85.0, 85.1, f64::INFINITY]),
            [below, Ok(85.0), above.clone(), above]
        );
        assert!(take(&PLAIN, &[f64::NAN])[0].is_err());
    }

    #[test]
    fn the_median_leaves_outliers_out() {
        let three = Sampling { median: 3, ..PLAIN };
        assert_eq!(take(&three, &[20.0, 21.0, 80.0, 22.0]), [Ok(20.0), Ok(20.5), Ok(21.0), Ok(22.0)]);
        // What is not plausible does not push out what is.
        assert_eq!(take(&three, &[20.0, 99.0, 21.0])[2], Ok(20.5));
    }
}
