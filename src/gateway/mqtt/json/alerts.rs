//! Alerts and thresholds as JSON.

use serde_json::{Map, Value as Json, json};

use super::{bytes, number};
use crate::domain::{Alert, AlertNews, AlertTurn};

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

pub(super) fn list<'a>(open: impl IntoIterator<Item = &'a std::sync::Arc<Alert>>) -> Json {
    open.into_iter().map(|alert| Json::Object(members(alert))).collect()
}

fn members(alert: &Alert) -> Map<String, Json> {
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
