//! How replies and events are shown: as JSON with the members that MQTT's have, or in columns for people.

use std::io::{self, Write as _};
use std::process::ExitCode;

use gpio_gatekeeper::client::Fields;
use gpio_gatekeeper::domain::Span;
use serde_json::{Map, Value as Json};

/// Keys whose values are texts, whatever they look like.
const TEXTS: [&str; 26] = [
    "ACTION",
    "ADDRESS",
    "BY",
    "CAUSE",
    "CERTIFICATE",
    "CHANGE",
    "CLIENT",
    "CODE",
    "COLOR",
    "DEVICE",
    "ERROR",
    "FIELD",
    "FROM",
    "HOLDER",
    "KIND",
    "LEVEL",
    "LIMIT",
    "MESSAGE",
    "PROTOCOL",
    "REASON",
    "SEVERITY",
    "STATE",
    "STATUS",
    "TARGET",
    "THRESHOLD",
    "USER",
];
/// Keys whose values are 1 for yes.
const FLAGS: [&str; 8] =
    ["BLINKING", "CUT", "HEATING", "OBSTRUCTED", "PRESSED", "PULSING", "RETAINED", "SEQUENCE"];
/// Keys that belong to the protocol, and not to what it tells.
const FRAMING: [&str; 3] = ["REPLY", "ID", "EVENT"];
/// What of a state stands in columns of its own, or is for programs.
const COLUMNS: [&str; 11] =
    ["REPLY", "ID", "EVENT", "DEVICE", "KIND", "VALUE", "STATE", "SEQ", "TIME", "EDGE_NS", "EDGE_SEQ"];

/// What `DESCRIBE` says of the numbers of a device.
#[derive(Default, Clone)]
pub(super) struct Units {
    value: Option<String>,
    others: Vec<(String, String)>,
}

impl Units {
    /// Those of a description.
    pub(super) fn of(description: &Fields) -> Units {
        let pair =
            |text: String| text.split_once('=').map(|(name, unit)| (name.to_uppercase(), unit.to_owned()));
        Units {
            value: description.get("UNIT").map(str::to_owned),
            others: description.list("VALUES").into_iter().filter_map(pair).collect(),
        }
    }
}

/// A frame as JSON: `state` in the place of what MQTT calls `event`.
pub(super) fn json(fields: &Fields) -> Map<String, Json> {
    let mut object = Map::new();
    for (key, text) in fields.iter().filter(|(key, _)| !FRAMING.contains(key)) {
        let name = match key {
            "STATE" => "event".to_owned(),
            "TIME" => "timestamp".to_owned(),
            key => key.to_lowercase(),
        };
        object.insert(name, value(key, text));
    }
    if object.contains_key("seq") {
        object.entry("value").or_insert(Json::Null);
    }
    object
}

fn value(key: &str, text: &str) -> Json {
    match key {
        "RGB" => text.split(',').map(number).collect(),
        "DEVICES" if text == "*" => text.into(),
        "DEVICES" => text.split(',').collect(),
        "TTL" | "LEFT" => text.parse().map_or(text.into(), |Span(span)| span.as_secs_f64().into()),
        key if FLAGS.contains(&key) => (text == "1").into(),
        key if TEXTS.contains(&key) => text.into(),
        _ => number(text),
    }
}

/// A number where it is one, and the text otherwise.
fn number(text: &str) -> Json {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map_or(text.into(), Json::Number)
}

/// A state in columns: device, state, value with its unit, and what else there is.
pub(super) fn columns(state: &Fields, units: &Units) -> [String; 4] {
    let text = |key| state.get(key).unwrap_or_default().to_owned();
    let unit = |unit: Option<&str>| unit.map_or(String::new(), |unit| format!(" {unit}"));
    let value = match (state.get("VALUE"), state.get("ERROR")) {
        (Some(value), _) => value.to_owned() + &unit(units.value.as_deref()),
        (None, _) => "-".to_owned(),
    };
    let more: Vec<String> = state
        .iter()
        .filter(|(key, _)| !COLUMNS.contains(key) && *key != "RETAINED")
        // What is the value as well is told once.
        .filter(|(key, text)| *key == "ERROR" || state.get("VALUE") != Some(*text) || FLAGS.contains(key))
        .filter_map(|(key, text)| match key {
            "ERROR" => Some(text.to_owned()),
            key if FLAGS.contains(&key) => (text == "1").then(|| key.to_lowercase()),
            key => {
                let own = units.others.iter().find(|(name, _)| name == key).map(|(_, unit)| unit.as_str());
                Some(format!("{}={text}{}", key.to_lowercase(), unit(own)))
            }
        })
        .collect();
    [text("DEVICE"), text("STATE"), value, more.join(" ")].map(|cell| plain(&cell))
}

/// A text of others without what would move the cursor of a terminal, or forge a line.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Rows with their columns below one another, and two blanks between them.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line += cell;
            line += &" ".repeat(width - cell.chars().count() + 2);
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Prints lines at once; false when nobody reads them any more.
pub(super) fn say(text: &str) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()).is_ok()
}

/// Prints the last thing there is to say.
pub(super) fn finish(text: &str) -> ExitCode {
    if text.is_empty() { ExitCode::SUCCESS } else { crate::print(text) }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// What a frame says.
    pub(in super::super) fn fields(text: &str) -> Fields {
        let fields = text.split('|').filter_map(|field| field.split_once('='));
        fields.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn json_is_that_of_mqtt() {
        let state = "REPLY=OK|ID=1|DEVICE=12|KIND=rgb_led|VALUE=0.5|STATE=on|SEQ=3|TIME=1.25|RGB=1,0.5,0|COLOR=#ff8000|\
                     BLINKING=1|EDGE_NS=7";
        let expected = json!({"device": "12", "kind": "rgb_led", "value": 0.5, "event": "on", "seq": 3, "timestamp": 1.25,
            "rgb": [1, 0.5, 0], "color": "#ff8000", "blinking": true, "edge_ns": 7});
        assert_eq!(Json::Object(json(&fields(state))), expected);
        let fault = json(&fields("EVENT=STATE|DEVICE=a|KIND=led|ERROR=gone|STATE=fault|SEQ=3|TIME=1"));
        assert_eq!((&fault["value"], &fault["error"]), (&Json::Null, &"gone".into()));
        let lease = json(&fields("TOKEN=17|DEVICES=a,b|TTL=1500ms"));
        assert_eq!(Json::Object(lease), json!({"token": 17, "devices": ["a", "b"], "ttl": 1.5}));
    }

    #[test]
    fn rows_are_aligned_and_have_units() {
        let units = Units::of(&fields("UNIT=°C|VALUES=temperature=°C,humidity=%"));
        let air = fields("DEVICE=air|STATE=reading|VALUE=21.5|TEMPERATURE=21.5|HUMIDITY=40|SEQ=1");
        let led = fields("DEVICE=long-name|STATE=on|VALUE=1|BLINKING=1|RETAINED=1");
        let rows = [columns(&air, &units), columns(&led, &Units::default())];
        assert_eq!(
            aligned(&rows),
            "air        reading  21.5 °C  humidity=40 %\nlong-name  on       1        blinking\n"
        );
    }
}
