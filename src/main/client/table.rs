//! What is known of the devices that are watched, and how it is shown.

use std::collections::{BTreeMap, HashMap};

use gpio_gatekeeper::client::{Connection, Failure, Fields, Request};

use super::shown::{self, Units};

/// All of them, in the order of the configuration.
#[derive(Default)]
pub(super) struct Table {
    devices: Vec<String>,
    known: HashMap<String, Known>,
}

#[derive(Default)]
struct Known {
    units: Units,
    state: Option<Fields>,
    holder: Option<String>,
    /// By their numbers.
    alerts: BTreeMap<String, String>,
}

const HEADER: [&str; 7] = ["DEVICE", "STATE", "VALUE", "AGE", "HELD BY", "ALERTS", ""];

impl Table {
    /// Asks for what is not told by itself: which devices there are, their units, and the alerts that are open.
    /// Gives those.
    pub(super) fn fill(
        &mut self,
        connection: &mut Connection,
        chosen: &[String],
    ) -> Result<Vec<Fields>, Failure> {
        self.devices = if chosen.is_empty() { super::get::names(connection)? } else { chosen.to_vec() };
        // What was true before need not be now.
        self.known.clear();
        let describe = |name: &String| Request::new("DESCRIBE").with("DEVICE", name.as_str());
        let described = connection.ask_all(&self.devices.iter().map(describe).collect::<Vec<_>>());
        for (name, description) in self.devices.iter().zip(described) {
            let known = self.known.entry(name.clone()).or_default();
            known.units = Units::of(&description?);
        }
        let mut open = Vec::new();
        for alert in alerts(connection)? {
            if self.known.contains_key(alert.get("DEVICE").unwrap_or_default()) {
                self.hear_alert(&alert);
                open.push(alert);
            }
        }
        Ok(open)
    }

    /// Takes an event; false where it is about nothing that is watched.
    pub(super) fn hear(&mut self, event: &Fields) -> bool {
        let Some(known) = event.get("DEVICE").and_then(|device| self.known.get_mut(device)) else {
            return false;
        };
        match event.get("EVENT") {
            Some("STATE") => known.state = Some(event.clone()),
            Some("LEASE") => known.holder = event.get("HOLDER").map(shown::plain),
            Some("ALERT") => self.hear_alert(event),
            _ => return false,
        }
        true
    }

    fn hear_alert(&mut self, event: &Fields) {
        let text = |key| event.get(key).unwrap_or_default();
        let Some(known) = self.known.get_mut(text("DEVICE")) else { return };
        match event.get("CHANGE") {
            Some("resolved") => drop(known.alerts.remove(text("ALERT"))),
            _ => drop(known.alerts.insert(text("ALERT").to_owned(), alert(event))),
        }
    }

    /// An event as a line for people.
    pub(super) fn line(&self, event: &Fields) -> Option<String> {
        let device = event.get("DEVICE")?;
        let units = self.known.get(device).map(|known| known.units.clone()).unwrap_or_default();
        let row = match event.get("EVENT") {
            Some("STATE") => shown::columns(event, &units),
            Some("LEASE") => {
                let holder = event.get("HOLDER").map_or_else(|| "-".to_owned(), shown::plain);
                [device.to_owned(), "lease".to_owned(), holder, String::new()]
            }
            _ => {
                let change = event.get("CHANGE").unwrap_or("open").to_owned();
                [device.to_owned(), "alert".to_owned(), change, alert(event)]
            }
        };
        Some(shown::aligned(&[row]))
    }

    /// The table as lines, at this time in seconds since 1970.
    pub(super) fn lines(&self, now: f64) -> Vec<String> {
        let mut rows = vec![HEADER.map(str::to_owned)];
        for name in &self.devices {
            let Some(Known { units, state: Some(state), holder, alerts }) = self.known.get(name) else {
                continue;
            };
            let [device, event, value, more] = shown::columns(state, units);
            let since =
                state.get("TIME").and_then(|time| time.parse().ok()).map_or(0.0, |time: f64| now - time);
            let alerts: Vec<&str> = alerts.values().map(String::as_str).collect();
            let holder = holder.clone().unwrap_or_default();
            rows.push([device, event, value, age(since), holder, alerts.join(", "), more]);
        }
        shown::aligned(&rows).lines().map(str::to_owned).collect()
    }
}

/// What an alert says: its name and its limit.
fn alert(event: &Fields) -> String {
    let text = |key| event.get(key).map(shown::plain).unwrap_or_default();
    let value = event.get("VALUE").map_or(String::new(), |value| format!(" {value}"));
    let sign = if event.get("LIMIT") == Some("min") { '<' } else { '>' };
    let severity = if event.get("SEVERITY") == Some("critical") { "!" } else { "" };
    format!("{}{severity}{value} {sign} {}", text("THRESHOLD"), text("BOUND"))
}

/// How long ago something was, in one unit.
fn age(seconds: f64) -> String {
    // The clocks of two machines may differ; what is below zero saturates.
    match seconds as u64 {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}min", seconds / 60),
        seconds @ 3600..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// The alerts that are open.
fn alerts(connection: &mut Connection) -> Result<Vec<Fields>, Failure> {
    let (mut open, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = connection.ask(&Request::new("ALERTS").optional("AFTER", after))?;
        let one = |number: String| Request::new("ALERTS").with("ALERT", number);
        let told = connection.ask_all(&page.list("ALERTS").into_iter().map(one).collect::<Vec<_>>());
        // One that was resolved meanwhile is told as an event.
        open.extend(told.into_iter().flatten());
        match page.get("NEXT") {
            Some(next) => after = Some(next.to_owned()),
            None => return Ok(open),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shown::tests::fields;
    use super::*;

    #[test]
    fn the_table_shows_what_was_told_last() {
        let devices = vec!["led".to_owned(), "oven".to_owned()];
        let known = devices.iter().map(|name| (name.clone(), Known::default())).collect();
        let mut table = Table { devices, known };
        for event in [
            "EVENT=STATE|DEVICE=led|STATE=on|VALUE=1|TIME=90",
            "EVENT=STATE|DEVICE=oven|STATE=reading|VALUE=61.5|TIME=-4000",
            "EVENT=LEASE|DEVICE=led|HOLDER=panel",
            "EVENT=ALERT|DEVICE=oven|CHANGE=created|ALERT=7|THRESHOLD=hot|LIMIT=max|BOUND=60|SEVERITY=critical|VALUE=61.5",
        ] {
            assert!(table.hear(&fields(event)), "{event}");
        }
        let lines = table.lines(100.0);
        assert_eq!(lines[1], "led     on       1      10s  panel");
        assert_eq!(lines[2], "oven    reading  61.5   1h            hot! 61.5 > 60");
        table.hear(&fields("EVENT=LEASE|DEVICE=led"));
        table.hear(&fields("EVENT=ALERT|DEVICE=oven|CHANGE=resolved|ALERT=7"));
        assert_eq!(table.lines(100.0)[1..], ["led     on       1      10s", "oven    reading  61.5   1h"]);
        assert!(!table.hear(&fields("EVENT=STATE|DEVICE=other|STATE=on")));
    }

    #[test]
    fn ages_have_one_unit() {
        let ages = [-5.0, 59.9, 60.0, 7200.0, 172_800.0].map(age);
        assert_eq!(ages, ["0s", "59s", "1min", "2h", "2d"]);
    }
}
