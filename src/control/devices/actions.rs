//! What the actions of several kinds have in common: their descriptions, and refusing the ones there are not.

use crate::domain::{ActionSpec, Arguments, Code, Datum, ParameterSpec, Refusal};

pub(super) const ON: ActionSpec = ActionSpec { name: "on", summary: "switches it on", parameters: &[] };
pub(super) const OFF: ActionSpec = ActionSpec { name: "off", summary: "switches it off", parameters: &[] };
pub(super) const TOGGLE: ActionSpec =
    ActionSpec { name: "toggle", summary: "switches it to the other state", parameters: &[] };
pub(super) const READ: ActionSpec =
    ActionSpec { name: "read", summary: "reads the hardware and tells the state", parameters: &[] };
pub(super) const ON_TIME: ParameterSpec = ParameterSpec {
    name: "on_time",
    summary: "how long it is on: seconds or a duration such as 500ms; default 1s",
};
pub(super) const OFF_TIME: ParameterSpec =
    ParameterSpec { name: "off_time", summary: "how long it is off: seconds or a duration; default 1s" };
pub(super) const TIMES: ParameterSpec =
    ParameterSpec { name: "n", summary: "how many times, at least 1; without it until the next action" };
pub(super) const BLINK: ActionSpec = ActionSpec {
    name: "blink",
    summary: "switches it on and off again and again, and leaves it off",
    parameters: &[ON_TIME, OFF_TIME, TIMES],
};

/// The value of a `set`: 0 or 1 as a number, `ON` or `OFF` in any case, or a truth.
pub(super) fn switch_value(arguments: &Arguments) -> Result<bool, Refusal> {
    let mut argument = arguments.take();
    let given = argument.required("value")?;
    argument.finish()?;
    match given {
        Datum::Bool(value) => return Ok(*value),
        Datum::Text(text) if text.eq_ignore_ascii_case("on") => return Ok(true),
        Datum::Text(text) if text.eq_ignore_ascii_case("off") => return Ok(false),
        _ => {}
    }
    match arguments.take().number("value", 0.0, 1.0)? {
        Some(1.0) => Ok(true),
        Some(0.0) => Ok(false),
        _ => Err(Refusal::new(Code::BadValue, format!("value is 0 or 1, not {given:.32}"))),
    }
}

/// The value of a `set` with values from 0 to 1; `ON` and `OFF` in any case, and truths, are understood as well.
pub(super) fn part_value(arguments: &Arguments) -> Result<f64, Refusal> {
    if let Ok(on) = switch_value(arguments) {
        return Ok(if on { 1.0 } else { 0.0 });
    }
    let mut argument = arguments.take();
    let value = argument.number("value", 0.0, 1.0)?;
    argument.finish()?;
    value.ok_or_else(|| Refusal::new(Code::MissingKey, "argument value is missing"))
}

/// The refusal of a verb that a kind does not have, naming those that it has.
pub(super) fn unknown(verb: &str, kind: &str, actions: &[ActionSpec]) -> Refusal {
    let known: Vec<_> = actions.iter().map(|action| action.name).collect();
    let verb: String = verb.chars().take(32).collect();
    Refusal::new(Code::UnknownAction, format!("{kind} has no action \"{verb}\"; it has {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_takes_its_two_values_and_tells_why_not_others() {
        let set = |value: Datum| {
            let arguments = Arguments { positional: vec![value], named: Vec::new() };
            switch_value(&arguments).map_err(|refusal| refusal.code)
        };
        for value in [Datum::from(1.0), "1".into(), "1.0".into(), "ON".into(), "on".into(), true.into()] {
            assert_eq!(set(value.clone()), Ok(true), "{value}");
        }
        for value in [Datum::from(0.0), "0".into(), "-0".into(), "Off".into(), false.into()] {
            assert_eq!(set(value.clone()), Ok(false), "{value}");
        }
        for value in [Datum::from(0.5), "0.5".into(), "".into(), "bright".into(), Datum::List(Vec::new())] {
            assert_eq!(set(value.clone()), Err(Code::BadValue), "{value}");
        }
        for value in [Datum::from(2.0), "-1".into(), "1.5".into()] {
            assert_eq!(set(value.clone()), Err(Code::OutOfRange), "{value}");
        }
        assert_eq!(set(Datum::Null), Err(Code::MissingKey));
    }
}
