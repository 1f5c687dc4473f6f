//! `THRESHOLD` and `ALERTS`: frames to orders, and their outcomes to fields.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Instant;

use super::about::{AROUND_NAMES, LONGEST_FRAME};
use super::commands::Next;
use super::conversation::LineConversation;
use super::translate::{Fields, required};
use crate::domain::{
    Alert, AlertId, Arguments, Code, Datum, DeviceName, Keeping, Order, Page, Refusal, Selection, Standing,
    ThresholdName, ThresholdOrder, ThresholdWish,
};
use crate::wire::line::Frame;

/// The keys that set a threshold, each with the name of the argument.
const SETTINGS: [(&str, &str); 10] = [
    ("NAME", "name"),
    ("DEVICE", "device"),
    ("FIELD", "field"),
    ("MIN", "min"),
    ("MAX", "max"),
    ("HYSTERESIS", "hysteresis"),
    ("DURATION", "duration"),
    ("SEVERITY", "severity"),
    ("ACTION", "action"),
    ("RESOLVED_ACTION", "resolved_action"),
];
/// The longest name of a threshold, and the longest number of an alert, each with its comma.
const NAME: usize = 65;
const NUMBER: usize = 21;

/// Sets, tells, lists or deletes thresholds, whatever its keys say.
pub(super) fn threshold(
    line: &mut LineConversation,
    frame: &Frame<'_>,
    now: Instant,
) -> Result<Next, Refusal> {
    let is_set = SETTINGS[2..].iter().any(|(key, _)| frame.get(key).is_some());
    let delete = match frame.get("DELETE") {
        None | Some("0") => false,
        Some("1") => true,
        Some(_) => return Err(Refusal::new(Code::BadValue, "DELETE is 0 or 1")),
    };
    let order = if delete && is_set {
        return Err(Refusal::new(Code::BadValue, "DELETE stands with NAME alone"));
    } else if is_set {
        let given =
            |(key, name): &(&str, &str)| frame.get(key).map(|text| ((*name).to_owned(), Datum::from(text)));
        let named = SETTINGS.iter().filter_map(given).collect();
        ThresholdOrder::parse("set_threshold", &Arguments { positional: Vec::new(), named })?
    } else if delete {
        ThresholdOrder::of(ThresholdWish::Delete(ThresholdName::read(required(frame, "NAME")?)?))
    } else if let Some(name) = frame.get("NAME") {
        ThresholdOrder::of(ThresholdWish::Tell(ThresholdName::read(name)?))
    } else {
        let after = frame.get("AFTER").map(ThresholdName::read).transpose()?;
        let most = room(line) / NAME;
        ThresholdOrder::of(ThresholdWish::List(Selection { device: device(frame)?, after, most }))
    };
    line.order(frame, Order::Threshold(order), None, now)
}

/// Tells which alerts are open, or of one of them.
pub(super) fn alerts(line: &mut LineConversation, frame: &Frame<'_>, now: Instant) -> Result<Next, Refusal> {
    let number = |key| match frame.get(key) {
        None => Ok(None),
        Some(text) => {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| digits).map(AlertId);
            number.map(Some).ok_or_else(|| Refusal::new(Code::BadValue, format!("{key} is a number")))
        }
    };
    let wish = match number("ALERT")? {
        Some(id) => ThresholdWish::TellAlert(id),
        None => {
            let (after, most) = (number("AFTER")?, room(line) / NUMBER);
            ThresholdWish::Alerts(Selection { device: device(frame)?, after, most })
        }
    };
    line.order(frame, Order::Threshold(ThresholdOrder::of(wish)), None, now)
}

/// A threshold, with the keys that set it.
pub(super) fn standing(standing: &Standing) -> Fields {
    let Standing { threshold, origin, keeping, alert } = standing;
    let optional = |key, value: Option<&dyn Display>| value.map(|value| (key, Cow::Owned(value.to_string())));
    let number =
        |bound: &'static str, value: &Option<f64>| value.map(|value| (bound, Cow::Owned(value.to_string())));
    let duration = crate::domain::Span(threshold.duration);
    let bounds = &threshold.bounds;
    let mut fields: Fields = vec![
        ("NAME", Cow::Owned(threshold.name.to_string())),
        ("DEVICE", Cow::Owned(threshold.device.to_string())),
        ("FIELD", Cow::Owned(threshold.field.to_string())),
    ];
    fields.extend(number("MIN", &bounds.minimum));
    fields.extend(number("MAX", &bounds.maximum));
    fields.push(("HYSTERESIS", Cow::Owned(bounds.hysteresis.to_string())));
    fields.push(("DURATION", Cow::Owned(duration.to_string())));
    fields.push(("SEVERITY", Cow::Borrowed(threshold.severity.as_str())));
    fields.extend(optional("ACTION", threshold.action.as_ref().map(|action| action as &dyn Display)));
    let resolved = threshold.resolved_action.as_ref().map(|action| action as &dyn Display);
    fields.extend(optional("RESOLVED_ACTION", resolved));
    fields.push(("ORIGIN", Cow::Borrowed(origin.as_str())));
    fields.push(kept(*keeping));
    fields.extend(optional("ALERT", alert.as_ref().map(|alert| &alert.id as &dyn Display)));
    fields
}

/// Whether something lasts.
pub(super) fn kept(keeping: Keeping) -> (&'static str, Cow<'static, str>) {
    ("KEPT", Cow::Borrowed(if keeping == Keeping::Kept { "1" } else { "0" }))
}

/// The names of thresholds.
pub(super) fn names(page: &Page<Standing>) -> Fields {
    listed("THRESHOLDS", page, |standing| standing.threshold.name.to_string())
}

/// The numbers of alerts.
pub(super) fn numbers(page: &Page<std::sync::Arc<Alert>>) -> Fields {
    listed("ALERTS", page, |alert| alert.id.to_string())
}

fn listed<Item>(key: &'static str, page: &Page<Item>, name: impl Fn(&Item) -> String) -> Fields {
    let names: Vec<String> = page.items.iter().map(name).collect();
    let mut fields: Fields =
        vec![("COUNT", Cow::Owned(page.count.to_string())), (key, Cow::Owned(names.join(",")))];
    let next = names.last().filter(|_| page.left > 0);
    fields.extend(next.map(|name| ("NEXT", Cow::Owned(name.clone()))));
    fields
}

/// How many bytes of names fit into a frame, at least one name's.
fn room(line: &LineConversation) -> usize {
    line.settings.maximum_frame.min(LONGEST_FRAME).saturating_sub(AROUND_NAMES).max(NAME)
}

fn device(frame: &Frame<'_>) -> Result<Option<DeviceName>, Refusal> {
    let parsed = frame.get("DEVICE").map(DeviceName::parse).transpose();
    parsed.map_err(|why| Refusal::new(Code::UnknownDevice, format!("no device has such a name: {why}")))
}
