//! A plain value as it stands in a payload: an argument of a command or a field of a state.

use std::fmt;

/// One value, free of any wire format.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// Nothing, or not known.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Several values.
    List(Vec<Datum>),
}

impl Datum {
    /// It as a finite number: itself, or a text that is one (the line protocol has nothing but texts).
    pub fn number(&self) -> Option<f64> {
        match self {
            Datum::Number(number) => Some(*number),
            Datum::Text(text) => {
                let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E');
                if text.bytes().all(plain) { text.parse().ok() } else { None }
            }
            _ => None,
        }
        .filter(|number| number.is_finite())
    }
}

impl From<bool> for Datum {
    fn from(value: bool) -> Datum {
        Datum::Bool(value)
    }
}

impl From<f64> for Datum {
    fn from(value: f64) -> Datum {
        Datum::Number(value)
    }
}

impl From<&str> for Datum {
    fn from(value: &str) -> Datum {
        Datum::Text(value.to_owned())
    }
}

/// As a person would write it: text without quotes, lists with commas, nothing as `null`.
impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Datum::Null => f.write_str("null"),
            Datum::Bool(value) => write!(f, "{value}"),
            Datum::Number(value) => write!(f, "{value}"),
            Datum::Text(value) => f.write_str(value),
            Datum::List(values) => {
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        f.write_str(",")?;
                    }
                    write!(f, "{value}")?;
                }
                Ok(())
            }
        }
    }
}
