//! What somebody wants a raw line to be, as the arguments of `configure` say it.

use std::time::Duration;

use super::super::debounce::LONGEST_DEBOUNCE;
use crate::domain::{Argument, Arguments, Bias, Code, Datum, Refusal, Span, Value};

/// What somebody wants it to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wanted {
    Unused,
    Input(InputSettings),
    Output(Option<Value>),
}

/// How it is an input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct InputSettings {
    pub(super) pull: Bias,
    pub(super) debounce: Duration,
}

impl Wanted {
    /// From the arguments of `configure`.
    pub(super) fn read(arguments: &Arguments) -> Result<Wanted, Refusal> {
        let mut argument = arguments.take();
        let function = word(argument.required("function")?, "function", FUNCTIONS)?;
        let pull = argument.optional("pull")?.map(|pull| word(pull, "pull", PULLS)).transpose()?;
        let debounce = debounce(&mut argument)?;
        let value = argument.number("value", 0.0, 1.0)?;
        argument.finish()?;
        let superfluous = match function {
            Named::Input => value.map(|_| "value"),
            Named::Output => pull.map(|_| "pull").or(debounce.map(|_| "debounce")),
            Named::None => pull.map(|_| "pull").or(debounce.map(|_| "debounce")).or(value.map(|_| "value")),
        };
        if let Some(name) = superfluous {
            return Err(Refusal::new(Code::BadValue, format!("with this function there is no {name}")));
        }
        let value = match value {
            None => None,
            Some(0.0) => Some(Value::Inactive),
            Some(1.0) => Some(Value::Active),
            Some(value) => {
                return Err(Refusal::new(Code::BadValue, format!("value is 0 or 1, not {value}")));
            }
        };
        Ok(match function {
            Named::None => Wanted::Unused,
            Named::Input => Wanted::Input(InputSettings {
                pull: pull.unwrap_or(Bias::Disabled),
                debounce: debounce.unwrap_or_default(),
            }),
            Named::Output => Wanted::Output(value),
        })
    }
}

impl InputSettings {
    /// The same as the state tells it.
    pub(super) fn fields(&self) -> Vec<(&'static str, Datum)> {
        let pull = PULLS.iter().find(|(_, bias)| *bias == self.pull).map_or("floating", |(word, _)| word);
        let mut fields = vec![("function", "input".into()), ("pull", pull.into())];
        if !self.debounce.is_zero() {
            fields.push(("debounce", Datum::Text(Span(self.debounce).to_string())));
        }
        fields
    }
}

#[derive(Clone, Copy)]
enum Named {
    None,
    Input,
    Output,
}

const FUNCTIONS: &[(&str, Named)] =
    &[("input", Named::Input), ("output", Named::Output), ("none", Named::None)];
const PULLS: &[(&str, Bias)] =
    &[("up", Bias::PullUp), ("down", Bias::PullDown), ("floating", Bias::Disabled)];

/// One of these words.
fn word<T: Copy>(given: &Datum, name: &str, words: &[(&str, T)]) -> Result<T, Refusal> {
    let found = words.iter().find(|(word, _)| matches!(given, Datum::Text(text) if text == word));
    found.map(|(_, meant)| *meant).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Refusal::new(Code::BadValue, format!("{name} is {}, not {given:.32}", words.join(" or ")))
    })
}

fn debounce(argument: &mut Argument<'_>) -> Result<Option<Duration>, Refusal> {
    let debounce = argument.duration("debounce", Duration::ZERO, Duration::MAX)?;
    if debounce == Duration::MAX {
        return Ok(None);
    }
    if Span(debounce) > LONGEST_DEBOUNCE {
        let message = format!("debounce is at most {LONGEST_DEBOUNCE}, not {}", Span(debounce));
        return Err(Refusal::new(Code::OutOfRange, message));
    }
    Ok(Some(debounce))
}
