//! Alerts and thresholds as fields of frames.

use std::borrow::Cow;

use super::translate::Fields;
use crate::domain::{Alert, AlertNews, AlertTurn};
use crate::wire::line::FrameWriter;

/// Writes what has become of an alert.
pub(super) fn event(out: &mut Vec<u8>, news: &AlertNews) {
    let Alert { id, threshold, device, field, limit, bound, severity, value, created } = &*news.alert;
    let frame = FrameWriter::begin(out)
        .field("EVENT", "ALERT")
        .field("DEVICE", device.as_str())
        .field("CHANGE", news.turn.as_str())
        .field_display("ALERT", id)
        .field("THRESHOLD", threshold.as_str())
        .field("FIELD", field)
        .field("LIMIT", limit.as_str())
        .field_display("BOUND", bound)
        .field("SEVERITY", severity.as_str());
    let (frame, value) = match &news.turn {
        AlertTurn::Created => (frame, Some(*value)),
        AlertTurn::Resolved { cause, value } => (frame.field("CAUSE", cause.as_str()), *value),
    };
    let frame = frame.optional("VALUE", value.map(|value| value.to_string()).as_deref());
    frame.field_display("CREATED", created).field_display("TIME", news.timestamp).end();
}

/// The fields of an alert that is open.
pub(super) fn fields(alert: &Alert) -> Fields {
    let Alert { id, threshold, device, field, limit, bound, severity, value, created } = alert;
    vec![
        ("DEVICE", Cow::Owned(device.to_string())),
        ("ALERT", Cow::Owned(id.to_string())),
        ("THRESHOLD", Cow::Owned(threshold.to_string())),
        ("FIELD", Cow::Owned(field.to_string())),
        ("LIMIT", Cow::Borrowed(limit.as_str())),
        ("BOUND", Cow::Owned(bound.to_string())),
        ("SEVERITY", Cow::Borrowed(severity.as_str())),
        ("VALUE", Cow::Owned(value.to_string())),
        ("CREATED", Cow::Owned(created.to_string())),
    ]
}
