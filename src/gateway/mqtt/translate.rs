//! What MQTT payloads mean: `ON`, a number or JSON become commands.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::domain::{
    Action, Arguments, Code, Command, Datum, DeviceName, FaultOrder, LeaseOrder, Order, Refusal, Target,
    ThresholdOrder,
};

/// The longest method name; none is longer than a word.
const LONGEST_METHOD: usize = 64;
/// How deep lists may be inside lists.
const DEEPEST: usize = 4;
/// The gatekeeper's own device, which has the actions that are about leases, thresholds and alerts.
const SYSTEM: &str = "system";

/// The command of a payload on `pi/devices/{name}/set` or `pi/gpio/{line}/set`: `ON`, `OFF`, `TOGGLE`, a number, or
/// `{"method": ..., "args": [...], "kwargs": {...}}`.
pub(in crate::gateway) fn set(target: Target, payload: &[u8]) -> Result<Order, Refusal> {
    let text = text(payload)?.trim();
    if text.starts_with('{') {
        let call: Call = read(text)?;
        return order(target, action(call.method, call.args, call.kwargs)?);
    }
    let action = match text {
        "" => {
            return Err(Refusal::new(
                Code::MissingKey,
                "the payload is empty; send ON, OFF, TOGGLE or a number",
            ));
        }
        _ if text.eq_ignore_ascii_case("on") => Action::new("on"),
        _ if text.eq_ignore_ascii_case("off") => Action::new("off"),
        _ if text.eq_ignore_ascii_case("toggle") => Action::new("toggle"),
        _ => match text.parse::<f64>() {
            Ok(number) if number.is_finite() && !text.contains(['n', 'i', 'N', 'I']) => {
                Action::set(number.into())
            }
            _ => {
                let start: String = text.chars().take(32).collect();
                let message = format!("\"{start}\" is not ON, OFF, TOGGLE, a number or a JSON object");
                return Err(Refusal::new(Code::BadValue, message));
            }
        },
    };
    order(target, action)
}

/// The command of a payload on `pi/rpc/commands`: `{"device", "method", "args": [], "kwargs": {}}`.
pub(in crate::gateway) fn rpc(payload: &[u8]) -> Result<Order, Refusal> {
    let call: DeviceCall = read(text(payload)?)?;
    let device = DeviceName::parse(&call.device)
        .map_err(|error| Refusal::new(Code::UnknownDevice, format!("no device has such a name: {error}")))?;
    order(Target::Device(device), action(call.method, call.args, call.kwargs)?)
}

/// What an action is: one about leases, which on a device are `lease` and `break`, one about thresholds, or one of the
/// device's own.
fn order(target: Target, action: Action) -> Result<Order, Refusal> {
    let is_system = matches!(&target, Target::Device(name) if name.as_str() == SYSTEM);
    if is_system && FaultOrder::VERBS.contains(&action.verb.as_str()) {
        return FaultOrder::parse(&action.verb, &action.arguments).map(Order::Fault);
    }
    if is_system && ThresholdOrder::VERBS.contains(&action.verb.as_str()) {
        return ThresholdOrder::parse(&action.verb, &action.arguments).map(Order::Threshold);
    }
    if is_system {
        return LeaseOrder::parse(&action.verb, None, &action.arguments).map(Order::Lease);
    }
    // Not `renew` and `release`: a token says which lease is meant, and a simulated button has a `release` of its own.
    if matches!(action.verb.as_str(), "lease" | "break") {
        return LeaseOrder::parse(&action.verb, Some(target), &action.arguments).map(Order::Lease);
    }
    Command::new(target, action).map(Order::Command)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    method: String,
    #[serde(default)]
    args: Vec<Json>,
    #[serde(default)]
    kwargs: serde_json::Map<String, Json>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceCall {
    device: String,
    method: String,
    #[serde(default)]
    args: Vec<Json>,
    #[serde(default)]
    kwargs: serde_json::Map<String, Json>,
}

fn text(payload: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(payload).map_err(|_| Refusal::new(Code::Malformed, "the payload is not UTF-8"))
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        let code = match error.classify() {
            serde_json::error::Category::Data if error.to_string().starts_with("missing field") => {
                Code::MissingKey
            }
            serde_json::error::Category::Data => Code::BadValue,
            _ => Code::Malformed,
        };
        Refusal::new(code, format!("the JSON object is not a command: {error}"))
    })
}

fn action(method: String, args: Vec<Json>, kwargs: serde_json::Map<String, Json>) -> Result<Action, Refusal> {
    if method.starts_with('_') {
        return Err(Refusal::new(Code::UnknownAction, "methods that begin with _ are nobody's to call"));
    }
    if method.len() > LONGEST_METHOD {
        return Err(Refusal::new(Code::UnknownAction, "no method has such a long name"));
    }
    let positional = args.into_iter().map(|value| datum(value, DEEPEST)).collect::<Result<_, _>>()?;
    let named = kwargs.into_iter().map(|(key, value)| datum(value, DEEPEST).map(|value| (key, value)));
    let named = named.collect::<Result<_, _>>()?;
    Ok(Action { verb: method, arguments: Arguments { positional, named } })
}

fn datum(value: Json, depth: usize) -> Result<Datum, Refusal> {
    Ok(match value {
        Json::Null => Datum::Null,
        Json::Bool(value) => Datum::Bool(value),
        Json::Number(number) => match number.as_f64().filter(|number| number.is_finite()) {
            Some(number) => Datum::Number(number),
            None => return Err(Refusal::new(Code::BadValue, format!("the number {number} is too large"))),
        },
        Json::String(text) => Datum::Text(text),
        Json::Array(values) if depth > 0 => {
            Datum::List(values.into_iter().map(|value| datum(value, depth - 1)).collect::<Result<_, _>>()?)
        }
        Json::Array(_) => return Err(Refusal::new(Code::BadValue, "lists are too deep inside lists")),
        Json::Object(_) => return Err(Refusal::new(Code::BadValue, "an argument is not an object")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LeaseToken;

    fn lamp() -> Target {
        Target::Device(DeviceName::parse("lamp").expect("valid"))
    }

    fn command(order: Result<Order, Refusal>) -> Command {
        let Ok(Order::Command(command)) = order else { panic!("no command: {order:?}") };
        command
    }

    #[test]
    fn leases_are_asked_for_on_a_device_or_on_the_system() {
        for (payload, subject, written) in [
            (r#"{"device": "lamp", "method": "lease", "args": [5]}"#, "lamp", "lease(ttl=5s)"),
            (r#"{"device": "system", "method": "lease", "args": ["*", 5]}"#, "*", "lease(ttl=5s)"),
            (r#"{"device": "system", "method": "lease", "args": [["a", "b"]]}"#, "a,b", "lease(ttl=30s)"),
            (r#"{"device": "system", "method": "release", "kwargs": {"token": 7}}"#, "system", "release"),
            (r#"{"device": "lamp", "method": "break", "kwargs": {"reason": "x"}}"#, "lamp", "break(x)"),
        ] {
            let Ok(Order::Lease(order)) = rpc(payload.as_bytes()) else { panic!("{payload}") };
            assert_eq!((order.subject().as_str(), order.to_string().as_str()), (subject, written));
        }
        let release = command(set(lamp(), br#"{"method": "release", "kwargs": {"token": 7}}"#));
        assert_eq!((release.action.to_string().as_str(), release.token), ("release", Some(LeaseToken(7))));
        let refused = rpc(br#"{"device": "system", "method": "on"}"#).map_err(|refusal| refusal.code);
        assert_eq!(refused, Err(Code::UnknownAction));
    }

    #[test]
    fn payloads_of_a_set_topic() {
        for (payload, action) in [
            ("ON", "on"),
            (" off\n", "off"),
            ("Toggle", "toggle"),
            ("0.5", "set(0.5)"),
            ("-1", "set(-1)"),
            (r#"{"method": "blink", "args": [0.5], "kwargs": {"n": 3}}"#, "blink(0.5, n=3)"),
        ] {
            assert_eq!(command(set(lamp(), payload.as_bytes())).action.to_string(), action, "{payload}");
        }
        for (payload, code) in [
            (&b""[..], Code::MissingKey),
            (b"yes", Code::BadValue),
            (b"nan", Code::BadValue),
            (b"inf", Code::BadValue),
            (b"1e999", Code::BadValue),
            (b"\xff", Code::Malformed),
            (b"{", Code::Malformed),
            (br#"{"args": []}"#, Code::MissingKey),
            (br#"{"method": 1}"#, Code::BadValue),
            (br#"{"method": "on", "kwarg": {}}"#, Code::BadValue),
            (br#"{"method": "__class__"}"#, Code::UnknownAction),
            (br#"{"method": "on", "args": [{}]}"#, Code::BadValue),
            (br#"{"method": "on", "args": [[[[[[1]]]]]]}"#, Code::BadValue),
        ] {
            let refused = set(lamp(), payload).map_err(|refusal| refusal.code);
            assert_eq!(refused, Err(code), "{}", String::from_utf8_lossy(payload));
        }
    }

    #[test]
    fn payloads_of_the_rpc_topic() {
        let command = command(rpc(br#"{"device": "lamp", "method": "set", "args": [1]}"#));
        assert_eq!((command.target, command.action.to_string()), (lamp(), "set(1)".to_owned()));
        for (payload, code) in [
            (r#"{"device": "Lamp!", "method": "on"}"#, Code::UnknownDevice),
            (r#"{"method": "on"}"#, Code::MissingKey),
            ("ON", Code::Malformed),
        ] {
            assert_eq!(rpc(payload.as_bytes()).map_err(|refusal| refusal.code), Err(code), "{payload}");
        }
    }

    #[test]
    fn deep_json_does_not_use_up_the_stack() {
        let deep = format!(r#"{{"method": "on", "args": {}{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert!(set(lamp(), deep.as_bytes()).is_err());
    }
}
