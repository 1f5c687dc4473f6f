//! Alerts and thresholds as JSON.

use serde_json::{Map, Value as Json, json};

use super::{bytes, number};
use crate::domain::{Alert, AlertNews, AlertTurn, Keeping, Standing, Threshold};

/// What has become of an alert.
pub fn alert_news(news: &AlertNews) -> Vec<u8> {
    let (cause, value) = match &news.turn {
        AlertTurn::Created => (Json::Null, Some(news.alert.value)),
        AlertTurn::Resolved { cause, value } => (cause.as_str().into(), *value),
    };
    let mut told = Map::new();
    told.insert("timestamp".to_owned(), news.timestamp.into());
    told.insert("event".to_owned(), news.turn.as_str().into());
    told.extend(members(&news.alert));
    told.insert("value".to_owned(), value.map_or(Json::Null, number));
    told.insert("cause".to_owned(), cause);
    bytes(&Json::Object(told))
}

/// The alerts that are open.
pub fn alerts<'a>(open: impl IntoIterator<Item = &'a std::sync::Arc<Alert>>) -> Vec<u8> {
    bytes(&self::list(open))
}

/// The same, inside of something.
pub(super) fn list<'a>(open: impl IntoIterator<Item = &'a std::sync::Arc<Alert>>) -> Json {
    open.into_iter().map(|alert| Json::Object(members(alert))).collect()
}

pub(super) fn members(alert: &Alert) -> Map<String, Json> {
    let members = json!({
        "id": alert.id.0,
        "threshold": alert.threshold.as_str(),
        "device": alert.device.as_str(),
        "field": &*alert.field,
        "limit": alert.limit.as_str(),
        "bound": number(alert.bound),
        "severity": alert.severity.as_str(),
        "value": number(alert.value),
        "created": alert.created,
    });
    if let Json::Object(members) = members { members } else { Map::new() }
}

/// A threshold that is in force.
pub(super) fn standing(standing: &Standing) -> Json {
    let Standing { threshold, origin, keeping, alert } = standing;
    let Threshold { name, device, field, bounds, duration, severity, action, resolved_action } = &**threshold;
    json!({
        "name": name.as_str(),
        "device": device.as_str(),
        "field": &**field,
        "min": bounds.minimum.map(number),
        "max": bounds.maximum.map(number),
        "hysteresis": number(bounds.hysteresis),
        "duration": duration.as_secs_f64(),
        "severity": severity.as_str(),
        "action": action.as_ref().map(ToString::to_string),
        "resolved_action": resolved_action.as_ref().map(ToString::to_string),
        "origin": origin.as_str(),
        "kept": *keeping == Keeping::Kept,
        "alert": alert.as_ref().map(|alert| alert.id.0),
    })
}
