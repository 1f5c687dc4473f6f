//! A command: an action on a device, and the arguments that came with it.

use std::fmt;
use std::time::Duration;

use super::{Code, Datum, DeviceName, FaultOrder, LeaseOrder, LeaseToken, Refusal, Span, ThresholdOrder};

/// One thing that a client wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// To a device.
    Command(Command),
    /// With the right to write devices.
    Lease(LeaseOrder),
    /// With the limits of what devices measure.
    Threshold(ThresholdOrder),
    /// With the faults of a simulation.
    Fault(FaultOrder),
}

/// One thing that a client wants done to a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// To which device.
    pub target: Target,
    /// What.
    pub action: Action,
    /// Under which lease it is meant; nothing where the client did not say.
    pub token: Option<LeaseToken>,
}

/// How a command names its device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// By its name.
    Device(DeviceName),
    /// By the offset of a line that it has.
    Line(u32),
}

/// A verb and its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// The verb, such as `on`.
    pub verb: String,
    /// Its arguments.
    pub arguments: Arguments,
}

/// Arguments by position and by name, as Python programs give them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arguments {
    /// In order.
    pub positional: Vec<Datum>,
    /// By name.
    pub named: Vec<(String, Datum)>,
}

/// Takes arguments one after the other, each by its position or its name, and at the end sees that none is left.
#[derive(Debug)]
pub struct Argument<'a> {
    arguments: &'a Arguments,
    position: usize,
    taken: Vec<&'static str>,
}

impl Command {
    /// A command whose arguments may name the lease that it is meant under, as `token`.
    pub fn new(target: Target, mut action: Action) -> Result<Command, Refusal> {
        let named = &mut action.arguments.named;
        let place = named.iter().position(|(key, _)| key == "token");
        let token = place.map(|place| LeaseToken::read(&named.remove(place).1)).transpose()?;
        Ok(Command { target, action, token })
    }
}

impl Action {
    /// A verb without arguments.
    pub fn new(verb: impl Into<String>) -> Action {
        Action { verb: verb.into(), arguments: Arguments::default() }
    }

    /// Whether it can't switch anything on, whatever the device is.
    pub fn is_off(&self) -> bool {
        let is_zero = |value: &Datum| match value {
            Datum::Bool(on) => !on,
            Datum::Text(text) if text.eq_ignore_ascii_case("off") => true,
            value => value.number() == Some(0.0),
        };
        match self.verb.as_str() {
            "off" | "stop" | "read" => true,
            "set" => {
                let Arguments { positional, named } = &self.arguments;
                let mut values = positional.iter().chain(named.iter().map(|(_, value)| value));
                values.all(is_zero)
            }
            _ => false,
        }
    }

    /// `set` with one value.
    pub fn set(value: Datum) -> Action {
        Action { verb: "set".to_owned(), arguments: Arguments { positional: vec![value], named: Vec::new() } }
    }
}

impl Arguments {
    /// Begins to take them.
    pub fn take(&self) -> Argument<'_> {
        Argument { arguments: self, position: 0, taken: Vec::new() }
    }

    /// Refuses any argument: for actions that have none.
    pub fn none(&self) -> Result<(), Refusal> {
        self.take().finish()
    }
}

impl<'a> Argument<'a> {
    /// The next argument, which is called `name`, if it was given.
    pub fn optional(&mut self, name: &'static str) -> Result<Option<&'a Datum>, Refusal> {
        self.taken.push(name);
        let by_position = self.arguments.positional.get(self.position);
        self.position += 1;
        let mut by_name = self.arguments.named.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        match (by_position, by_name.next(), by_name.next()) {
            (Some(_), Some(_), _) | (_, Some(_), Some(_)) => {
                Err(Refusal::new(Code::BadValue, format!("argument {name} was given twice")))
            }
            (None, None, _) | (Some(Datum::Null), None, _) | (None, Some(Datum::Null), _) => Ok(None),
            (Some(value), None, _) | (None, Some(value), _) => Ok(Some(value)),
        }
    }

    /// The next argument, which must be there.
    pub fn required(&mut self, name: &'static str) -> Result<&'a Datum, Refusal> {
        self.optional(name)?
            .ok_or_else(|| Refusal::new(Code::MissingKey, format!("argument {name} is missing")))
    }

    /// The next argument as a number within `low..=high`.
    pub fn number(&mut self, name: &'static str, low: f64, high: f64) -> Result<Option<f64>, Refusal> {
        let Some(datum) = self.optional(name)? else { return Ok(None) };
        let number = datum
            .number()
            .ok_or_else(|| Refusal::new(Code::BadValue, format!("{name} is a number, not {datum:.32}")))?;
        within(name, number, low, high).map(Some)
    }

    /// The next argument as a count of at least 1.
    pub fn count(&mut self, name: &'static str) -> Result<Option<u32>, Refusal> {
        let Some(number) = self.number(name, 1.0, f64::from(u32::MAX))? else { return Ok(None) };
        if number.fract() != 0.0 {
            return Err(Refusal::new(Code::BadValue, format!("{name} is a whole number, not {number}")));
        }
        // In range and whole, so nothing is cut off.
        Ok(Some(number as u32))
    }

    /// The next argument as a duration of at least `least`: a number of seconds, or a text with its unit.
    pub fn duration(
        &mut self,
        name: &'static str,
        least: Duration,
        default: Duration,
    ) -> Result<Duration, Refusal> {
        let Some(datum) = self.optional(name)? else { return Ok(default) };
        let span = match (datum, datum.number()) {
            (_, Some(seconds)) => Span::from_seconds(seconds),
            (Datum::Text(text), None) => text.parse(),
            _ => {
                return Err(Refusal::new(
                    Code::BadValue,
                    format!("{name} is a number of seconds, not {datum:.32}"),
                ));
            }
        };
        let Span(duration) = span.map_err(|e| Refusal::new(Code::BadValue, format!("{name}: {e}")))?;
        if duration < least {
            let message = format!("{name} is at least {}, not {}", Span(least), Span(duration));
            return Err(Refusal::new(Code::OutOfRange, message));
        }
        Ok(duration)
    }

    /// Refuses whatever was given and not taken.
    pub fn finish(self) -> Result<(), Refusal> {
        if self.arguments.positional.len() > self.position {
            let message = format!("at most {} arguments are taken here", self.position);
            return Err(Refusal::new(Code::BadValue, message));
        }
        match self.arguments.named.iter().find(|(key, _)| !self.taken.contains(&key.as_str())) {
            None => Ok(()),
            Some((key, _)) if self.taken.is_empty() => Err(Refusal::new(
                Code::BadValue,
                format!("no argument is taken here, and {key:.32} was given"),
            )),
            Some((key, _)) => {
                let known = self.taken.join(", ");
                Err(Refusal::new(
                    Code::BadValue,
                    format!("no argument is called {key:.32}; there are: {known}"),
                ))
            }
        }
    }
}

fn within(name: &str, number: f64, low: f64, high: f64) -> Result<f64, Refusal> {
    if number < low || number > high {
        let message = format!("{name} is from {low} to {high}, not {number}");
        return Err(Refusal::new(Code::OutOfRange, message));
    }
    Ok(number)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Device(name) => write!(f, "{name}"),
            Target::Line(offset) => write!(f, "gpio/{offset}"),
        }
    }
}

/// As a person would write it: `blink(0.5, n=3)`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.verb)?;
        let Arguments { positional, named } = &self.arguments;
        if positional.is_empty() && named.is_empty() {
            return Ok(());
        }
        let positional = positional.iter().map(Datum::to_string);
        let named = named.iter().map(|(key, value)| format!("{key}={value}"));
        write!(f, "({})", positional.chain(named).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(positional: &[Datum], named: &[(&str, Datum)]) -> Arguments {
        Arguments {
            positional: positional.to_vec(),
            named: named.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        }
    }

    #[test]
    fn an_argument_comes_by_position_or_by_name() {
        let given = arguments(&[0.5.into()], &[("n", "3".into())]);
        let mut argument = given.take();
        assert_eq!(argument.number("on_time", 0.0, 1.0), Ok(Some(0.5)));
        assert_eq!(argument.number("off_time", 0.0, 1.0), Ok(None));
        assert_eq!(argument.count("n"), Ok(Some(3)));
        assert_eq!(argument.finish(), Ok(()));
    }

    #[test]
    fn durations_are_seconds_or_carry_a_unit() {
        let given = arguments(&["250ms".into(), 2.0.into(), "0.5".into()], &[]);
        let mut argument = given.take();
        let (zero, one) = (Duration::ZERO, Duration::from_secs(1));
        assert_eq!(argument.duration("a", zero, one), Ok(Duration::from_millis(250)));
        assert_eq!(argument.duration("b", zero, one), Ok(Duration::from_secs(2)));
        assert_eq!(argument.duration("c", one, one).map_err(|r| r.code), Err(Code::OutOfRange));
        assert_eq!(argument.duration("d", zero, one), Ok(one));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let code = |given: &Arguments| {
            let mut argument = given.take();
            argument.number("value", 0.0, 1.0)?;
            argument.finish()
        };
        for (given, expected) in [
            (arguments(&[2.0.into()], &[]), Code::OutOfRange),
            (arguments(&["nan".into()], &[]), Code::BadValue),
            (arguments(&[true.into()], &[]), Code::BadValue),
            (arguments(&[1.0.into(), 1.0.into()], &[]), Code::BadValue),
            (arguments(&[1.0.into()], &[("value", 1.0.into())]), Code::BadValue),
            (arguments(&[], &[("valeu", 1.0.into())]), Code::BadValue),
        ] {
            assert_eq!(code(&given).map_err(|r| r.code), Err(expected), "{given:?}");
        }
    }
}
