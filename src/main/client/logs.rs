//! `gpio-gatekeeper logs`: what the gatekeeper writes to its log, and who does what.

use std::process::ExitCode;

use gpio_gatekeeper::auth::date_of;
use gpio_gatekeeper::client::{Failure, Fields, Request};
use lexopt::prelude::*;
use serde_json::Value as Json;

use super::lasting::{Lasting, News};
use super::options::Form;
use super::{Options, shown};

/// What of it.
pub(crate) struct Order {
    options: Options,
    subscriptions: Vec<Request>,
}

/// Reads what follows the word.
pub(super) fn arguments(parser: &mut lexopt::Parser) -> Result<Option<Order>, lexopt::Error> {
    let (mut options, mut level, mut audit) = (Options::default(), None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("level") => level = Some(parser.value()?.string()?),
            Long("audit") => audit = Some(Request::new("SUB").with("AUDIT", "1")),
            Short('h') | Long("help") => return Ok(None),
            argument => {
                let option = Options::named(argument)?;
                options.take(&option, parser)?;
            }
        }
    }
    // Who wants the audit alone does not say a level.
    let level = level.or_else(|| audit.is_none().then(|| "info".to_owned()));
    let log = level.map(|level| Request::new("SUB").with("LOG", level));
    Ok(Some(Order { options, subscriptions: log.into_iter().chain(audit).collect() }))
}

/// Prints it until somebody ends that.
pub(super) fn run(Order { options, subscriptions }: Order) -> Result<ExitCode, Failure> {
    let mut lasting = Lasting::begin(&options, subscriptions)?;
    // Until something is written there is nothing to be seen.
    eprintln!("gpio-gatekeeper: connected to {}", lasting.place());
    loop {
        match lasting.next(None)? {
            News::Event(event) => {
                let Some(line) = line(&event, options.form) else { continue };
                if !shown::say(&line) {
                    break;
                }
            }
            News::Back => eprintln!("gpio-gatekeeper: connected again"),
            News::Lost(failure, _) => eprintln!("gpio-gatekeeper: {failure}; connecting again"),
            News::Ended => break,
            News::Nothing => {}
        }
    }
    lasting.close();
    Ok(ExitCode::SUCCESS)
}

/// An event as a line; nothing where it is about something else.
fn line(event: &Fields, form: Form) -> Option<String> {
    let text = |key| event.get(key).unwrap_or_default();
    let is_log = match event.get("EVENT")? {
        "LOG" => true,
        "AUDIT" => false,
        _ => return None,
    };
    if form == Form::Json {
        return Some(Json::Object(shown::json(event)).to_string());
    }
    let time = time(text("TIME"));
    if is_log {
        return Some(shown::plain(&format!(
            "{time} {:5} {}: {}",
            text("LEVEL"),
            text("TARGET"),
            text("MESSAGE")
        )));
    }
    let who = event.get("USER").or(event.get("CLIENT")).or(event.get("ADDRESS")).unwrap_or("the gatekeeper");
    let change = match (event.get("OLD"), event.get("NEW")) {
        (Some(old), Some(new)) => format!(" ({old} -> {new})"),
        _ => String::new(),
    };
    let refused = event.get("CODE").map_or(String::new(), |code| format!(": {code}: {}", text("MESSAGE")));
    let device = event.get("DEVICE").map_or(String::new(), |device| format!("{device} "));
    let line = format!("{time} audit {who}: {device}{}{change}{refused}", text("ACTION"));
    Some(shown::plain(&line))
}

/// A time of the protocol as people write it, in UTC.
fn time(seconds: &str) -> String {
    let seconds: f64 = seconds.parse().unwrap_or_default();
    // A time before 1970 saturates.
    let whole = seconds as u64;
    let (hours, minutes, rest) = (whole / 3600 % 24, whole / 60 % 60, whole % 60);
    format!("{} {hours:02}:{minutes:02}:{rest:02}Z", date_of(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_say_who_did_what_when() {
        let entry = |text: &str| {
            let fields = text.split('|').filter_map(|field| field.split_once('='));
            let fields = fields.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            line(&fields, Form::Text)
        };
        for (fields, expected) in [
            (
                "EVENT=LOG|LEVEL=warn|TARGET=here|MESSAGE=too warm|TIME=1790000000.25",
                Some("2026-09-21 14:13:20Z warn  here: too warm"),
            ),
            (
                "EVENT=AUDIT|TIME=1|USER=anna|CLIENT=c|DEVICE=led|ACTION=on|OLD=0|NEW=1",
                Some("1970-01-01 00:00:01Z audit anna: led on (0 -> 1)"),
            ),
            (
                "EVENT=AUDIT|TIME=1|DEVICE=led|ACTION=max_on|CODE=DEVICE_FAULT|MESSAGE=gone",
                Some("1970-01-01 00:00:01Z audit the gatekeeper: led max_on: DEVICE_FAULT: gone"),
            ),
            ("EVENT=STATE|DEVICE=led", None),
        ] {
            assert_eq!(entry(fields).as_deref(), expected);
        }
    }
}
