//! Frames become commands; outcomes, refusals and messages become frames.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use log::debug;

use super::{alerts, news, thresholds};
use crate::control::Now;
use crate::domain::{
    Action, Arguments, Code, Command, Datum, DeviceName, Lease, LeaseNews, LeaseNotice, LeasedDevices, Loss,
    Refusal, Registry, Reply, Span, SpanError, State, Target,
};
use crate::gateway::{Body, Delivery, Done, Note, Topics};
use crate::wire::line::{Frame, FrameWriter};
use crate::wire::mqtt::ReasonCode;

/// The longest list of devices in an event, in bytes: as many as can be named in `LEASE`, with the longest names.
const LONGEST_DEVICES: usize = 32 * (DeviceName::MAXIMUM + 1);

/// Fields of a reply, in order.
pub(super) type Fields = Vec<(&'static str, Cow<'static, str>)>;

/// What is replied to a request.
#[derive(Debug)]
pub(super) enum Answer {
    State(Arc<State>),
    Done(Fields),
    Refused(Refusal),
}

/// The command of a `SET`.
pub(super) fn set(registry: &Registry, frame: &Frame<'_>) -> Result<Command, Refusal> {
    let target = target(registry, frame)?;
    let value = required(frame, "VALUE")?;
    let verb = ["on", "off", "toggle"].into_iter().find(|verb| value.eq_ignore_ascii_case(verb));
    let mut action = match verb {
        Some(verb) => Action::new(verb),
        None => Action::set(Datum::from(value)),
    };
    let token = frame.get("TOKEN").map(|token| ("token".to_owned(), Datum::from(token)));
    action.arguments.named.extend(token);
    Command::new(target, action)
}

/// The command of a `DO`.
pub(super) fn any_action(registry: &Registry, frame: &Frame<'_>) -> Result<Command, Refusal> {
    let target = target(registry, frame)?;
    let verb = required(frame, "ACTION")?.to_owned();
    let named = frame
        .fields()
        .filter(|(key, _)| {
            !matches!(*key, "COMMAND" | "ID" | "DEVICE" | "LINE" | "ACTION" | "NOT_AFTER" | "TTL")
        })
        .map(|(key, value)| (key.to_ascii_lowercase(), Datum::from(value)))
        .collect();
    Command::new(target, Action { verb, arguments: Arguments { positional: Vec::new(), named } })
}

/// When it is too late for a command: at the time `NOT_AFTER`, or when `TTL` has passed since it was read.
pub(super) fn expires(frame: &Frame<'_>, now: Now) -> Result<Option<Instant>, Refusal> {
    let bad = |message: String| Refusal::new(Code::BadValue, message);
    let time_to_live = match frame.get("TTL") {
        Some(text) => Some(text.parse().map_err(|error: SpanError| bad(format!("TTL: {error}")))?),
        None => None,
    };
    let until = match frame.get("NOT_AFTER") {
        Some(text) => {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let time: Option<f64> = text.parse().ok().filter(|_| digits);
            let form = || bad("NOT_AFTER is a time in seconds since 1970, such as 1790000000.25".to_owned());
            let left = (time.ok_or_else(form)? - now.epoch).max(0.0);
            let far = |_| Refusal::new(Code::OutOfRange, "NOT_AFTER is at most a year from now");
            Some(Span::from_seconds(left).map_err(far)?)
        }
        None => None,
    };
    Ok([time_to_live, until].into_iter().flatten().min().map(|Span(left)| now.instant + left))
}

/// What `DEVICE` or `LINE` names; whether it is there is for the hardware thread to say.
pub(super) fn target(registry: &Registry, frame: &Frame<'_>) -> Result<Target, Refusal> {
    match (frame.get("DEVICE"), frame.get("LINE")) {
        (Some(device), None) => device_name(registry, device).map(Target::Device),
        (None, Some(line)) => {
            if line.is_empty() || !line.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Refusal::new(Code::BadValue, "LINE is the offset of a line, such as 17"));
            }
            let offset =
                line.parse().map_err(|_| Refusal::new(Code::UnknownDevice, "no line is that far"))?;
            Ok(Target::Line(offset))
        }
        (None, None) => Err(Refusal::new(Code::MissingKey, "DEVICE is missing, or LINE in its place")),
        (Some(_), Some(_)) => Err(Refusal::new(Code::BadValue, "give either DEVICE or LINE, not both")),
    }
}

/// The name of a device; the one in the registry, where it is there, which costs no memory.
fn device_name(registry: &Registry, name: &str) -> Result<DeviceName, Refusal> {
    if let Some(entry) = registry.find(name) {
        return Ok(entry.name.clone());
    }
    DeviceName::parse(name)
        .map_err(|error| Refusal::new(Code::UnknownDevice, format!("no device has such a name: {error}")))
}

/// The value of a key that has to be there.
pub(super) fn required<'a>(frame: &'a Frame<'_>, key: &'static str) -> Result<&'a str, Refusal> {
    frame.get(key).ok_or_else(|| Refusal::new(Code::MissingKey, format!("{key} is missing")))
}

/// What a note answers, and how.
pub(super) fn answer(note: Note) -> Option<(u64, Answer)> {
    Some(match note {
        Note::Outcome(ticket, outcome) => {
            let answer = match outcome {
                Ok(Reply::State(state)) => Answer::State(state),
                Ok(Reply::Lease(lease)) => Answer::Done(lease_fields(&lease)),
                Ok(Reply::Threshold(standing)) => Answer::Done(thresholds::standing(&standing)),
                Ok(Reply::Deleted(keeping)) => Answer::Done(vec![thresholds::kept(keeping)]),
                Ok(Reply::Thresholds(page)) => Answer::Done(thresholds::names(&page)),
                Ok(Reply::Alert(alert)) => Answer::Done(alerts::fields(&alert)),
                Ok(Reply::Alerts(page)) => Answer::Done(thresholds::numbers(&page)),
                Ok(Reply::Done) => Answer::Done(Fields::new()),
                Err(refusal) => Answer::Refused(refusal),
            };
            (ticket, answer)
        }
        Note::Done(ticket, Err(refusal)) => (ticket, Answer::Refused(refusal)),
        Note::Done(ticket, Ok(Done::Subscribed(reasons))) if reasons.contains(&ReasonCode::NotAuthorized) => {
            let message = "nothing of this may be read by this client";
            (ticket, Answer::Refused(Refusal::new(Code::AccessDenied, message)))
        }
        Note::Done(ticket, Ok(Done::Subscribed(reasons))) if reasons.iter().any(|r| r.is_error()) => {
            let message = "the client has as many subscriptions as may be";
            (ticket, Answer::Refused(Refusal::new(Code::LimitReached, message)))
        }
        Note::Done(ticket, Ok(_)) => (ticket, Answer::Done(Fields::new())),
        // Only what is said in MQTT waits for that.
        Note::Durable(_) | Note::Verdict(..) => return None,
    })
}

/// Writes a reply.
pub(super) fn reply(out: &mut Vec<u8>, id: Option<&str>, answer: &Answer) {
    let begin = |out, word| FrameWriter::begin(out).field("REPLY", word).optional("ID", id);
    match answer {
        Answer::State(state) => state_fields(begin(out, "OK"), state).end(),
        Answer::Done(fields) => {
            fields.iter().fold(begin(out, "OK"), |frame, (key, value)| frame.field(key, value)).end();
        }
        Answer::Refused(refusal) => {
            begin(out, "ERROR").field("CODE", refusal.code.as_str()).field("MESSAGE", &refusal.message).end();
        }
    }
}

/// Writes the question whether the client is there.
pub(super) fn keepalive(out: &mut Vec<u8>) {
    FrameWriter::begin(out).field("COMMAND", "HELLO").end();
}

/// Writes why the connection is closed.
pub(super) fn closing(out: &mut Vec<u8>, why: &Refusal) {
    let frame = FrameWriter::begin(out).field("EVENT", "CLOSING");
    frame.field("CODE", why.code.as_str()).field("MESSAGE", &why.message).end();
}

/// Writes an event, if the message is one for this client: it is for it alone, or `is_subscribed`.
pub(super) fn event(
    out: &mut Vec<u8>,
    topics: &Topics,
    delivery: &Delivery,
    is_subscribed: impl Fn() -> bool,
) {
    let message = &delivery.message;
    let retained = delivery.retain.then_some("1");
    let bytes = match &message.body {
        Body::Bytes(bytes) => bytes,
        Body::Notice(notice, _) => return self::notice(out, notice),
        _ if !is_subscribed() => return,
        Body::State(state, _) => {
            let frame = FrameWriter::begin(out).field("EVENT", "STATE");
            return state_fields(frame, state).optional("RETAINED", retained).end();
        }
        Body::Alert(news, _) => return alerts::event(out, news),
        Body::Lease(device, tenancy, _) => return news::lease(out, device, tenancy.as_deref(), retained),
        Body::Audit(audit, _) => return news::audit(out, audit),
        Body::Log(record, _) => return news::log(out, record),
    };
    let inside = topics.inside(message.topic.as_str()).unwrap_or_default();
    let to = inside.strip_prefix("nodes/").and_then(|rest| rest.strip_suffix("/message"));
    let variable = inside.strip_prefix("vars/");
    let (key, name) = match (to, variable) {
        (Some(client), _) => ("TO", client),
        (None, Some(name)) if is_subscribed() => ("VAR", name),
        _ => return,
    };
    let Ok(value) = std::str::from_utf8(bytes) else {
        return debug!("{} is not UTF-8 and was told to no line client", message.topic);
    };
    let frame = FrameWriter::begin(out).field("EVENT", "MESSAGE").field(key, name).field("VALUE", value);
    let sender = message.sender.as_ref().map(|sender| sender.as_str());
    frame.optional("FROM", sender).optional("RETAINED", retained).end();
}

/// Writes what the holder of a lease has to know.
fn notice(out: &mut Vec<u8>, notice: &LeaseNotice) {
    let begin = |out, event| {
        let frame = FrameWriter::begin(out).field("EVENT", event).field_display("TOKEN", notice.token);
        frame.optional("DEVICES", leased(&notice.devices).as_deref())
    };
    match &notice.news {
        LeaseNews::Ending(left) => {
            // No more than the time that is left.
            let left = Span::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
            begin(out, "LEASE_ENDING").field_display("LEFT", left).end();
        }
        LeaseNews::Lost(loss) => {
            let frame = begin(out, "LEASE_LOST").field("CAUSE", loss.as_str());
            match loss {
                Loss::Broken { by, reason } => {
                    frame.field_display("BY", by).field("REASON", reason).end();
                }
                Loss::Expired | Loss::Disconnected => frame.end(),
            }
        }
    }
}

fn lease_fields(lease: &Lease) -> Fields {
    let mut fields = vec![("TOKEN", Cow::Owned(lease.token.to_string()))];
    fields.extend(leased(&lease.devices).map(|devices| ("DEVICES", Cow::Owned(devices))));
    fields.push(("TTL", Cow::Owned(Span(lease.ttl).to_string())));
    fields
}

/// The devices of a lease, where they fit into a frame: of a lease on all of them that others were taken out of they
/// may not.
fn leased(devices: &LeasedDevices) -> Option<String> {
    Some(devices.to_string()).filter(|names| names.len() <= LONGEST_DEVICES)
}

fn state_fields<'a>(frame: FrameWriter<'a>, state: &State) -> FrameWriter<'a> {
    let frame = frame.field("DEVICE", state.device.as_str()).field("KIND", state.kind);
    let frame = match &state.value {
        Ok(value) => number_field(frame, "VALUE", *value),
        Err(error) => frame.field("ERROR", error),
    };
    let frame = frame
        .field("STATE", state.event)
        .field_plain("SEQ", |out| digits(out, state.seq))
        .field_plain("TIME", |out| time(out, state.timestamp));
    let frame = match state.edge {
        Some(edge) => frame.field_plain("EDGE_NS", |out| digits(out, edge.ns)),
        None => frame,
    };
    let frame = match state.edge.and_then(|edge| edge.sequence) {
        Some(sequence) => frame.field_plain("EDGE_SEQ", |out| digits(out, sequence.into())),
        None => frame,
    };
    state.fields.iter().fold(frame, |frame, (key, datum)| match datum {
        Datum::Bool(value) => frame.field(key, if *value { "1" } else { "0" }),
        Datum::Number(number) => number_field(frame, key, *number),
        Datum::Text(text) => frame.field(key, text),
        Datum::Null | Datum::List(_) => frame.field_display(key, datum),
    })
}

/// A number; most are whole and small.
fn number_field<'a>(frame: FrameWriter<'a>, key: &'static str, number: f64) -> FrameWriter<'a> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() != 0.0 || number.abs() > EXACT {
        return frame.field_display(key, number);
    }
    frame.field_plain(key, |out| {
        if number < 0.0 {
            out.push(b'-');
        }
        // Whole and below 2^53.
        digits(out, number.abs() as u64);
    })
}

/// Seconds with as many digits of the fraction as they have, to the microsecond.
fn time(out: &mut Vec<u8>, seconds: f64) {
    // What is below zero, or far beyond any clock, saturates.
    let micros = (seconds * 1e6).round() as u64;
    digits(out, micros / 1_000_000);
    let mut fraction = micros % 1_000_000;
    if fraction == 0 {
        return;
    }
    out.push(b'.');
    let mut scale = 100_000;
    while fraction > 0 {
        out.push(digit(fraction / scale));
        fraction %= scale;
        scale /= 10;
    }
}

fn digits(out: &mut Vec<u8>, mut number: u64) {
    // 2^64 has twenty digits.
    let mut text = [0; 20];
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = digit(number % 10);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

/// The digit of a number below 10.
fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are() {
        let number = |number| {
            let mut out = Vec::new();
            number_field(FrameWriter::begin(&mut out), "N", number).end();
            String::from_utf8(out).expect("text")
        };
        for value in [0.0, 1.0, -1.0, 0.25, -0.5, 1e15, 1e300, 1790000000.5] {
            assert_eq!(number(value), format!("|START|N={value}|END|\n"));
        }
        assert_eq!(number(-0.0), "|START|N=0|END|\n");
    }

    #[test]
    fn a_command_expires_at_the_earlier_of_both() {
        let now = Now { instant: Instant::now(), epoch: 1000.0 };
        let left = |fields: &str| {
            let text = format!("|START|COMMAND=SET|{fields}|END|");
            let frame = Frame::parse(text.as_bytes()).expect("a frame");
            let expires = expires(&frame, now).map_err(|refusal| refusal.code)?;
            Ok(expires.map(|expires| (expires - now.instant).as_secs_f64()))
        };
        assert_eq!(left("VALUE=1"), Ok(None));
        assert_eq!(left("TTL=250ms"), Ok(Some(0.25)));
        assert_eq!(left("NOT_AFTER=1000.5"), Ok(Some(0.5)));
        assert_eq!(left("NOT_AFTER=1002|TTL=3s"), Ok(Some(2.0)));
        assert_eq!(left("NOT_AFTER=999"), Ok(Some(0.0)), "it has passed");
        for bad in ["TTL=3", "NOT_AFTER=", "NOT_AFTER=-1", "NOT_AFTER=1e9", "NOT_AFTER=nan"] {
            assert_eq!(left(bad), Err(Code::BadValue), "{bad}");
        }
        assert_eq!(left("NOT_AFTER=99999999999"), Err(Code::OutOfRange));
    }

    #[test]
    fn times_have_their_fraction() {
        let text = |seconds| {
            let mut out = Vec::new();
            time(&mut out, seconds);
            String::from_utf8(out).expect("text")
        };
        for (seconds, expected) in [
            (1790000000.25, "1790000000.25"),
            (1790000000.0, "1790000000"),
            (0.000001, "0.000001"),
            (1.02, "1.02"),
            (-1.0, "0"),
        ] {
            assert_eq!(text(seconds), expected);
        }
        let mut out = Vec::new();
        digits(&mut out, u64::MAX);
        assert_eq!(out, u64::MAX.to_string().as_bytes());
    }
}
