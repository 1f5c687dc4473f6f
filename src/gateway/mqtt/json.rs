//! The JSON that the gatekeeper publishes.

mod alerts;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use crate::domain::{
    Audit, ClientId, Datum, DeviceName, Entry, Identity, Keeping, Lease, LeaseNews, LeaseNotice,
    LeasedDevices, Loss, Outcome, Protocol, Registry, Reply, State, Tenancy, UserName,
};
use crate::gateway::LogRecord;

pub use alerts::{alert_news, alerts};

/// A device's state.
pub fn state(state: &State) -> Vec<u8> {
    written(&StateJson(state))
}

/// The registry: a map from the name of a device to what it is and can do.
pub fn registry(registry: &Registry) -> Vec<u8> {
    let devices: Map<String, Json> =
        registry.devices.iter().map(|entry| (entry.name.to_string(), device(entry, registry))).collect();
    bytes(&Json::Object(devices))
}

/// An entry of the audit.
pub fn audit(audit: &Audit) -> Vec<u8> {
    let (status, code, message) = match &audit.refused {
        None => ("success", Json::Null, Json::Null),
        Some((code, message)) => ("error", code.as_str().into(), message.as_str().into()),
    };
    let Identity { client, user, address, protocol, certificate } = audit.who.identity();
    let device = audit.deed.device();
    bytes(&json!({
        "timestamp": audit.timestamp,
        "client": client.map(ClientId::as_str),
        "user": user.map(UserName::as_str),
        "address": address,
        "protocol": protocol.map(Protocol::to_string),
        "certificate": certificate,
        "device": (!device.is_empty()).then_some(device),
        "action": audit.deed.action(),
        "token": audit.token.map(|token| token.0),
        "status": status,
        "code": code,
        "message": message,
        "old": audit.old.map(number),
        "new": audit.new.map(number),
    }))
}

/// Who has the sole right to write a device.
pub fn tenancy(device: &DeviceName, tenancy: &Tenancy) -> Vec<u8> {
    bytes(&json!({
        "device": device.as_str(),
        "holder": tenancy.holder.client.as_str(),
        "user": tenancy.holder.user.as_ref().map(|user| user.as_str()),
        "since": tenancy.since,
        "expires": tenancy.expires,
    }))
}

/// What the holder of a lease has to know.
pub fn notice(notice: &LeaseNotice) -> Vec<u8> {
    let (event, left, cause, by, reason) = match &notice.news {
        LeaseNews::Ending(left) => ("ending", Some(left.as_secs_f64()), None, None, None),
        LeaseNews::Lost(loss) => {
            let (by, reason) = match loss {
                Loss::Broken { by, reason } => (Some(by.client.as_str()), Some(reason.as_str())),
                Loss::Expired | Loss::Disconnected => (None, None),
            };
            ("lost", None, Some(loss.as_str()), by, reason)
        }
    };
    bytes(&json!({
        "timestamp": notice.timestamp,
        "event": event,
        "token": notice.token.0,
        "devices": leased(&notice.devices),
        "left": left,
        "cause": cause,
        "by": by,
        "reason": reason,
    }))
}

/// A record of the daemon's log.
pub fn log_record(LogRecord { timestamp, level, target, message }: &LogRecord) -> Vec<u8> {
    bytes(&json!({ "timestamp": timestamp, "level": level, "target": target, "message": message }))
}

/// The answer to a command.
pub fn response(outcome: &Outcome, timestamp: f64, correlation_data: Option<&[u8]>) -> Vec<u8> {
    let refusal = outcome.as_ref().err();
    written(&ResponseJson {
        timestamp,
        status: if refusal.is_none() { "success" } else { "error" },
        code: refusal.map(|refusal| refusal.code.as_str()),
        result: outcome.as_ref().ok().map(ReplyJson),
        message: refusal.map(|refusal| refusal.message.as_ref()),
        correlation_data: correlation_data.map(base64),
    })
}

// What every command needs is written as it is; the rest, which is rare, is made into a tree first.

#[derive(Serialize)]
struct ResponseJson<'a> {
    timestamp: f64,
    status: &'static str,
    code: Option<&'static str>,
    result: Option<ReplyJson<'a>>,
    message: Option<&'a str>,
    correlation_data: Option<String>,
}

struct ReplyJson<'a>(&'a Reply);

impl Serialize for ReplyJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Reply::State(state) => StateJson(state).serialize(serializer),
            Reply::Lease(lease) => self::lease(lease).serialize(serializer),
            Reply::Threshold(standing) => alerts::standing(standing).serialize(serializer),
            Reply::Deleted(keeping) => json!({ "kept": *keeping == Keeping::Kept }).serialize(serializer),
            Reply::Thresholds(page) => {
                page.items.iter().map(alerts::standing).collect::<Json>().serialize(serializer)
            }
            Reply::Alert(alert) => alerts::members(alert).serialize(serializer),
            Reply::Alerts(page) => alerts::list(&page.items).serialize(serializer),
            Reply::Done => serializer.serialize_none(),
        }
    }
}

struct StateJson<'a>(&'a State);

impl Serialize for StateJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let StateJson(state) = self;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("timestamp", &state.timestamp)?;
        object.serialize_entry("device", state.device.as_str())?;
        object.serialize_entry("kind", state.kind)?;
        object.serialize_entry("event", state.event)?;
        object.serialize_entry("value", &state.value.as_ref().ok().map(|value| number(*value)))?;
        object.serialize_entry("seq", &state.seq)?;
        if let Err(error) = &state.value {
            object.serialize_entry("error", error.as_ref())?;
        }
        if let Some(edge) = &state.edge {
            object.serialize_entry("edge_ns", &edge.ns)?;
            if let Some(sequence) = edge.sequence {
                object.serialize_entry("edge_seq", &sequence)?;
            }
        }
        for (key, value) in &state.fields {
            object.serialize_entry(key, &datum(value))?;
        }
        object.end()
    }
}

/// Writing into memory does not fail, and neither do these types: their keys are texts and their numbers finite.
fn written(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn lease(lease: &Lease) -> Json {
    json!({
        "token": lease.token.0,
        "devices": leased(&lease.devices),
        "ttl": number(lease.ttl.as_secs_f64()),
        "expires": lease.expires,
    })
}

fn leased(devices: &LeasedDevices) -> Json {
    match devices {
        LeasedDevices::All => "*".into(),
        LeasedDevices::Some(names) => names.iter().map(DeviceName::as_str).collect(),
    }
}

fn device(entry: &Entry, registry: &Registry) -> Json {
    let lines: Map<String, Json> = entry
        .lines
        .iter()
        .map(|(role, chip, offset)| ((*role).to_owned(), json!({ "chip": chip, "offset": offset })))
        .collect();
    let channels: Map<String, Json> = entry
        .channels
        .iter()
        .map(|(role, address)| {
            ((*role).to_owned(), json!({ "chip": address.chip, "channel": address.channel }))
        })
        .collect();
    let actions: Map<String, Json> = entry
        .actions
        .iter()
        .map(|action| {
            // A list, because arguments by position need their order.
            let parameters: Vec<Json> =
                action.parameters.iter().map(|p| json!({ "name": p.name, "summary": p.summary })).collect();
            (action.name.to_owned(), json!({ "summary": action.summary, "parameters": parameters }))
        })
        .collect();
    let safety: Map<String, Json> =
        entry.safety.iter().map(|(when, what)| ((*when).to_owned(), datum(what))).collect();
    let values: Map<String, Json> =
        entry.values.iter().map(|(name, unit)| ((*name).to_owned(), (*unit).into())).collect();
    json!({
        "type": entry.kind,
        "summary": entry.summary,
        "lines": lines,
        "channels": channels,
        "actions": actions,
        "unit": entry.unit,
        "values": values,
        "limits": { "min": number(entry.range.0), "max": number(entry.range.1) },
        "safety": safety,
        "backend": registry.backend,
        "simulated": registry.simulated,
    })
}

fn datum(value: &Datum) -> Json {
    match value {
        Datum::Null => Json::Null,
        Datum::Bool(value) => (*value).into(),
        Datum::Number(value) => number(*value),
        Datum::Text(text) => text.as_str().into(),
        Datum::List(values) => values.iter().map(datum).collect(),
    }
}

/// Whole numbers without a fraction: `1` and not `1.0`.
fn number(value: f64) -> Json {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        // Whole and below 2^53, so nothing is lost.
        Json::from(value as i64)
    } else {
        Json::from(value)
    }
}

fn bytes(json: &Json) -> Vec<u8> {
    json.to_string().into_bytes()
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0u8; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let group = u32::from_be_bytes(group);
        for place in 0..4 {
            // A chunk of n bytes has n + 1 digits; the others are padding.
            let digit = (group >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() { char::from(ALPHABET[digit as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Code, DeviceName, Refusal};

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        let vectors = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (bytes, text) in vectors {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[255, 254]), "//4=");
    }

    #[test]
    fn a_state_says_what_the_hardware_says() {
        let mut lamp = State {
            device: DeviceName::parse("lamp").expect("valid"),
            kind: "pwm_led",
            event: "on",
            value: Ok(0.5),
            seq: 3,
            timestamp: 12.5,
            edge: None,
            fields: vec![("blinking", Datum::Bool(true))],
        };
        let text = |lamp: &State| String::from_utf8(state(lamp)).expect("JSON is UTF-8");
        let parsed: Json = serde_json::from_str(&text(&lamp)).expect("JSON");
        let expected = json!({"timestamp": 12.5, "device": "lamp", "kind": "pwm_led", "event": "on", "value": 0.5,
            "seq": 3, "blinking": true});
        assert_eq!(parsed, expected);
        lamp.value = Err("line is gone".into());
        assert!(text(&lamp).contains(r#""value":null"#) && text(&lamp).contains(r#""error":"line is gone""#));
    }

    #[test]
    fn an_answer_carries_its_correlation_data() {
        let refusal = Err(Refusal::new(Code::OutOfRange, "value is 0 or 1, not 2"));
        let parsed: Json = serde_json::from_slice(&response(&refusal, 1.0, Some(b"foo"))).expect("JSON");
        let expected = json!({"timestamp": 1.0, "status": "error", "code": "OUT_OF_RANGE", "result": null,
            "message": "value is 0 or 1, not 2", "correlation_data": "Zm9v"});
        assert_eq!(parsed, expected);
    }
}
