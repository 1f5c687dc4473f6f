//! What the actions of several kinds have in common: their descriptions, and refusing the ones there are not.

use crate::domain::{ActionSpec, Arguments, Code, ParameterSpec, Refusal};

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

/// The value of a `set`: 0 or 1, as a number, or as `on`/`off`, `true`/`false` in any case.
pub(super) fn switch_value(arguments: &Arguments) -> Result<bool, Refusal> {
    use crate::domain::Datum;
    let mut argument = arguments.take();
    let given = argument.required("value")?;
    let value = match given {
        Datum::Bool(value) => Some(*value),
        Datum::Number(number) if *number == 0.0 => Some(false),
        Datum::Number(number) if *number == 1.0 => Some(true),
        Datum::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "on" | "true" | "1.0" => Some(true),
            "0" | "off" | "false" | "0.0" => Some(false),
            _ => None,
        },
        _ => None,
    };
    argument.finish()?;
    match (value, given) {
        (Some(value), _) => Ok(value),
        (None, Datum::Number(number)) => {
            Err(Refusal::new(Code::OutOfRange, format!("value is 0 or 1, not {number}")))
        }
        (None, other) if other.to_string().parse::<f64>().is_ok() => {
            Err(Refusal::new(Code::OutOfRange, format!("value is 0 or 1, not {other}")))
        }
        (None, other) => {
            Err(Refusal::new(Code::BadValue, format!("value is ON, OFF, 0 or 1, not {other:.32}")))
        }
    }
}

/// The refusal of a verb that a kind does not have, naming those that it has.
pub(super) fn unknown(verb: &str, kind: &str, actions: &[ActionSpec]) -> Refusal {
    let known: Vec<_> = actions.iter().map(|action| action.name).collect();
    let verb: String = verb.chars().take(32).collect();
    Refusal::new(Code::UnknownAction, format!("{kind} has no action \"{verb}\"; it has {}", known.join(", ")))
}
