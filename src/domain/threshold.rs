//! A threshold: the limits of one number of a device, and what is done when it passes them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::{Alert, Datum, DeviceName, Limit, NameError, Severity, Span};

/// The name of a threshold: 1 to 64 characters of `a-z`, `0-9`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThresholdName(Arc<str>);

/// The limits of one number of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// Its name.
    pub name: ThresholdName,
    /// The device that is watched.
    pub device: DeviceName,
    /// Which of its numbers: `value`, or one of the kind's own fields, such as `humidity`.
    pub field: Arc<str>,
    /// How far the number may go.
    pub bounds: Bounds,
    /// For how long it has to be beyond a limit before there is an alert.
    pub duration: Duration,
    /// How bad an alert is.
    pub severity: Severity,
    /// What is done when an alert is created.
    pub action: Option<Reaction>,
    /// What is done when the number is back.
    pub resolved_action: Option<Reaction>,
}

/// How far a number may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The smallest that is fine.
    pub minimum: Option<f64>,
    /// The largest that is fine.
    pub maximum: Option<f64>,
    /// How far back within a limit the number has to be to end an alert.
    pub hysteresis: f64,
}

/// A value that a device is set to.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    /// The device.
    pub device: DeviceName,
    /// Its value.
    pub value: f64,
}

/// A threshold that is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// What it is.
    pub threshold: Arc<Threshold>,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it is there again after a restart.
    pub keeping: Keeping,
    /// The alert that is open.
    pub alert: Option<Arc<Alert>>,
}

/// Where a threshold comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The configuration; nobody changes it while the gatekeeper runs.
    Configuration,
    /// An admin has set it.
    Admin,
    /// An operator has set it.
    Operator,
}

/// Whether something is there again after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// It is on the disk.
    Kept,
    /// Nothing is kept, or the disk took nothing.
    Volatile,
}

/// The longest time for which a number may be beyond a limit without an alert.
const LONGEST_DURATION: Duration = Duration::from_secs(24 * 3600);
/// The longest name of a field, in bytes.
const LONGEST_FIELD: usize = 64;

impl ThresholdName {
    /// Takes `text` as it is, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<ThresholdName, NameError> {
        let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(ThresholdName(text.into()));
        }
        Err(NameError::of("the name of a threshold has 1 to 64 lower-case letters a-z, digits, '_' and '-'"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Threshold {
    /// What is wrong with it, whatever devices there are: under which key, and why.
    pub fn mistake(&self) -> Option<(&'static str, String)> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if !(1..=LONGEST_FIELD).contains(&self.field.len()) || !self.field.bytes().all(plain) {
            let message = "a field has 1 to 64 lower-case letters a-z, digits and '_', such as \"humidity\"";
            return Some(("field", message.to_owned()));
        }
        if self.duration > LONGEST_DURATION {
            return Some(("duration", format!("duration is at most {}", Span(LONGEST_DURATION))));
        }
        self.bounds.mistake()
    }

    /// The devices that it sets.
    pub fn acted_on(&self) -> impl Iterator<Item = &DeviceName> {
        self.action.iter().chain(&self.resolved_action).map(|reaction| &reaction.device)
    }
}

impl Standing {
    /// One of the configuration.
    pub fn configured(threshold: Threshold) -> Standing {
        let (origin, keeping) = (Origin::Configuration, Keeping::Kept);
        Standing { threshold: Arc::new(threshold), origin, keeping, alert: None }
    }
}

impl Bounds {
    /// The limit that a number has passed.
    pub fn passed(&self, number: f64) -> Option<Limit> {
        if self.maximum.is_some_and(|maximum| number > maximum) {
            return Some(Limit::Maximum);
        }
        self.minimum.is_some_and(|minimum| number < minimum).then_some(Limit::Minimum)
    }

    /// Whether a number is far enough from the limit that was passed.
    pub fn is_back(&self, limit: Limit, number: f64) -> bool {
        match limit {
            Limit::Minimum => self.minimum.is_none_or(|minimum| number >= minimum + self.hysteresis),
            Limit::Maximum => self.maximum.is_none_or(|maximum| number <= maximum - self.hysteresis),
        }
    }

    /// What a limit is; zero where there is none.
    pub fn of(&self, limit: Limit) -> f64 {
        let bound = match limit {
            Limit::Minimum => self.minimum,
            Limit::Maximum => self.maximum,
        };
        bound.unwrap_or_default()
    }

    fn mistake(&self) -> Option<(&'static str, String)> {
        let Bounds { minimum, maximum, hysteresis } = *self;
        let is_finite = |bound: Option<f64>| bound.is_none_or(f64::is_finite);
        let wrong = |key, message: &str| Some((key, message.to_owned()));
        match (minimum, maximum) {
            _ if !is_finite(minimum) || !is_finite(maximum) => wrong("", "a limit is a number"),
            (None, None) => wrong("", "a threshold needs min, max or both"),
            _ if !hysteresis.is_finite() || hysteresis < 0.0 => {
                wrong("hysteresis", "hysteresis is a number of at least 0")
            }
            (Some(minimum), Some(maximum)) if minimum > maximum => {
                Some(("min", format!("min is at most max, which is {maximum}")))
            }
            (Some(minimum), Some(maximum)) if hysteresis > maximum - minimum => {
                let message = "hysteresis is at most as wide as the band from min to max";
                Some(("hysteresis", format!("{message}, which is {}", maximum - minimum)))
            }
            _ => None,
        }
    }
}

impl Origin {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Configuration => "configuration",
            Origin::Admin => "admin",
            Origin::Operator => "operator",
        }
    }
}

impl FromStr for Reaction {
    type Err = String;

    /// A device and its value, such as `heater:0`.
    fn from_str(text: &str) -> Result<Reaction, String> {
        let (device, value) =
            text.rsplit_once(':').ok_or("expected a device and its value, as \"heater:0\"")?;
        let device = DeviceName::parse(device).map_err(|error| error.to_string())?;
        let value = Datum::from(value).number().ok_or("expected a device and its value, as \"heater:0\"")?;
        Ok(Reaction { device, value })
    }
}

impl fmt::Display for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.device, self.value)
    }
}

impl fmt::Display for ThresholdName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(minimum: Option<f64>, maximum: Option<f64>, hysteresis: f64) -> Bounds {
        Bounds { minimum, maximum, hysteresis }
    }

    #[test]
    fn a_limit_itself_is_fine_and_the_hysteresis_is_within() {
        let band = bounds(Some(10.0), Some(60.0), 2.0);
        let passed = [9.9, 10.0, 60.0, 60.1].map(|number| band.passed(number));
        assert_eq!(passed, [Some(Limit::Minimum), None, None, Some(Limit::Maximum)]);
        assert_eq!([58.0, 58.1].map(|number| band.is_back(Limit::Maximum, number)), [true, false]);
        assert_eq!([12.0, 11.9].map(|number| band.is_back(Limit::Minimum, number)), [true, false]);
    }

    #[test]
    fn bounds_that_make_no_sense_are_mistakes() {
        for (bad, key) in [
            (bounds(None, None, 0.0), ""),
            (bounds(Some(f64::NAN), None, 0.0), ""),
            (bounds(Some(2.0), Some(1.0), 0.0), "min"),
            (bounds(Some(1.0), Some(2.0), 1.5), "hysteresis"),
            (bounds(None, Some(2.0), -1.0), "hysteresis"),
        ] {
            assert_eq!(bad.mistake().map(|(key, _)| key), Some(key), "{bad:?}");
        }
        for good in [bounds(None, Some(0.0), 5.0), bounds(Some(1.0), Some(2.0), 1.0)] {
            assert_eq!(good.mistake(), None, "{good:?}");
        }
    }

    #[test]
    fn a_reaction_is_a_device_and_its_value() {
        let text = |text: &str| text.parse().map(|reaction: Reaction| reaction.to_string());
        assert_eq!(text("heater:0"), Ok("heater:0".to_owned()));
        assert_eq!(text("motor:-0.5"), Ok("motor:-0.5".to_owned()));
        for bad in ["heater", "heater:", "heater:on", "Heater:1", ":1", "heater:nan", "heater:1e999"] {
            assert!(text(bad).is_err(), "{bad}");
        }
    }
}
