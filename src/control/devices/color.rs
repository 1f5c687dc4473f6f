//! Colours: red, green and blue, each from 0 to 1, and how they are written.

use crate::domain::{Arguments, Code, Datum, Refusal};

/// A colour and its brightness, which is that of its strongest part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Color(pub(super) [f64; 3]);

impl Color {
    pub(super) const WHITE: Color = Color([1.0; 3]);

    /// From 0 to 1.
    pub(super) fn brightness(&self) -> f64 {
        self.0.into_iter().fold(0.0, f64::max)
    }

    /// The same colour with all the brightness that it can have; nothing of black.
    pub(super) fn at_full(&self) -> Option<Color> {
        let brightness = self.brightness();
        (brightness > 0.0).then(|| Color(self.0.map(|part| part / brightness)))
    }

    /// A colour at its full with another brightness, from 0 to 1.
    pub(super) fn at(&self, brightness: f64) -> Color {
        Color(self.0.map(|part| part * brightness))
    }

    /// The fields of a state that tell it: its parts to four decimals, and the same as `#rrggbb`.
    pub(super) fn fields(&self) -> Vec<(&'static str, Datum)> {
        let parts = self.0.map(|part| Datum::Number((part * 10_000.0).round() / 10_000.0));
        let [red, green, blue] = self.0.map(|part| (part * 255.0).round() as u8);
        let hexadecimal = Datum::Text(format!("#{red:02x}{green:02x}{blue:02x}"));
        vec![("rgb", Datum::List(parts.into())), ("color", hexadecimal)]
    }
}

/// The colour that a `set` names, or nothing where its value is none: a brightness, say.
pub(super) fn of_value(arguments: &Arguments) -> Result<Option<Color>, Refusal> {
    let mut argument = arguments.take();
    let value = argument.required("value")?;
    argument.finish()?;
    of_datum(value)
}

/// The colour that the arguments of `color` name: three numbers, or one value that is a whole colour.
pub(super) fn of_arguments(arguments: &Arguments) -> Result<Color, Refusal> {
    if arguments.positional.len() + arguments.named.len() == 1 {
        let mut argument = arguments.take();
        let given = argument.required("red")?;
        argument.finish()?;
        return of_datum(given)?.ok_or_else(|| not_a_color(given));
    }
    let mut argument = arguments.take();
    let mut parts = [0.0; 3];
    for (part, name) in parts.iter_mut().zip(["red", "green", "blue"]) {
        *part = argument.number(name, 0.0, 1.0)?.ok_or_else(|| {
            Refusal::new(
                Code::MissingKey,
                format!("argument {name} is missing: a colour has red, green and blue"),
            )
        })?;
    }
    argument.finish()?;
    Ok(Color(parts))
}

/// `#rrggbb`, or three numbers as a list or with commas; nothing where it looks like neither.
fn of_datum(datum: &Datum) -> Result<Option<Color>, Refusal> {
    let parts = match datum {
        Datum::List(parts) => parts.clone(),
        Datum::Text(text) if text.starts_with('#') => {
            return hexadecimal(text).map(Some).ok_or_else(|| not_a_color(datum));
        }
        Datum::Text(text) if text.contains(',') => text.split(',').map(|part| part.trim().into()).collect(),
        _ => return Ok(None),
    };
    if parts.len() != 3 {
        return Err(not_a_color(datum));
    }
    of_arguments(&Arguments { positional: parts, named: Vec::new() }).map(Some)
}

fn hexadecimal(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let number = u32::from_str_radix(digits, 16).ok()?;
    Some(Color([16, 8, 0].map(|shift| f64::from(number >> shift & 0xff) / 255.0)))
}

fn not_a_color(datum: &Datum) -> Refusal {
    let message = format!("a colour is such as #ff8000, or three numbers from 0 to 1, not {datum:.32}");
    Refusal::new(Code::BadValue, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(value: Datum) -> Result<Option<Color>, Code> {
        let arguments = Arguments { positional: vec![value], named: Vec::new() };
        of_value(&arguments).map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_colour_is_written_in_several_ways() {
        let orange = Color([1.0, 0.2, 0.0]);
        let list = Datum::List(vec![1.0.into(), 0.2.into(), 0.0.into()]);
        for value in ["#ff3300".into(), "#FF3300".into(), "1,0.2,0".into(), "1, 0.2, 0".into(), list] {
            assert_eq!(set(value), Ok(Some(orange)));
        }
        assert_eq!(orange.fields()[1].1, "#ff3300".into());
        for value in [Datum::from(0.5), "0.5".into(), "ON".into(), true.into()] {
            assert_eq!(set(value), Ok(None), "it is a brightness");
        }
        for value in ["#ff33", "#gg0000", "#+f0000", "#ä1234", "1,2", "1,0,0,0", "1,x,0"] {
            assert_eq!(set(value.into()), Err(Code::BadValue), "{value}");
        }
        assert_eq!(set("1,0,2".into()), Err(Code::OutOfRange));
    }

    #[test]
    fn black_has_no_colour() {
        assert_eq!(Color([0.0; 3]).at_full(), None);
        assert_eq!(Color([0.5, 0.25, 0.0]).at_full(), Some(Color([1.0, 0.5, 0.0])));
    }
}
