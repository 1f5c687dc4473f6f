//! A length of time as people write it: a number and a unit, such as `50ms`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

/// A length of time that was written with its unit: `us`, `ms`, `s`, `min` or `h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// Why a text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanError(&'static str);

/// The longest span, so that adding one to a clock can never overflow: a year.
const MAXIMUM_SECONDS: f64 = 365.0 * 24.0 * 3600.0;

impl Span {
    /// A span of whole milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Span {
        Span(Duration::from_millis(milliseconds))
    }

    /// A span of `seconds`, which may have a fraction, or why not.
    pub fn from_seconds(seconds: f64) -> Result<Span, SpanError> {
        if !seconds.is_finite() || seconds < 0.0 {
            return Err(SpanError("a duration is not negative"));
        }
        if seconds > MAXIMUM_SECONDS {
            return Err(SpanError("a duration is at most a year"));
        }
        Ok(Span(Duration::from_secs_f64(seconds)))
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Span, SpanError> {
        const FORM: SpanError =
            SpanError("a duration is a number and its unit, such as \"50ms\", \"3s\" or \"5min\"");
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or(FORM)?;
        let (number, unit) = text.split_at(unit_at);
        let number = number.trim_end();
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(FORM);
        }
        let scale = match unit {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(SpanError("the unit of a duration is us, ms, s, min or h")),
        };
        let number: f64 = number.parse().map_err(|_| FORM)?;
        Span::from_seconds(number * scale)
    }
}

/// In the largest unit in which it is a whole number.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        for (unit, size) in [("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1000)] {
            if micros != 0 && micros % size == 0 {
                return write!(f, "{}{unit}", micros / size);
            }
        }
        if micros == 0 { f.write_str("0s") } else { write!(f, "{micros}us") }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration with its unit, such as \"50ms\", \"3s\" or \"5min\"")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for SpanError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_back_as_they_are_written() {
        for text in ["250us", "50ms", "3s", "5min", "1h", "90s", "0s"] {
            let span: Span = text.parse().expect(text);
            let again: Span = span.to_string().parse().expect(text);
            assert_eq!(span, again, "{text}");
        }
        assert_eq!("1.5s".parse(), Ok(Span::from_millis(1500)));
        assert_eq!("90s".parse::<Span>().expect("valid").to_string(), "90s");
    }

    #[test]
    fn a_number_without_its_unit_is_refused() {
        for bad in ["", "3", "s", "-1s", "3 days", "1e9h", "nan s", "1.2.3s", "1000000h"] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?}");
        }
    }
}
