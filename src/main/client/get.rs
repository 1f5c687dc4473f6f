//! `gpio-gatekeeper get`: how devices are, read from their hardware now.

use std::process::ExitCode;

use gpio_gatekeeper::client::{Connection, Failure, Fields, Request};
use lexopt::prelude::*;

use super::options::Form;
use super::shown::{self, Units};
use super::{Options, complain};

/// Which devices; all of them where none is named.
pub(crate) struct Order {
    pub(super) options: Options,
    pub(super) devices: Vec<String>,
}

/// Reads what follows the word.
pub(super) fn arguments(parser: &mut lexopt::Parser) -> Result<Option<Order>, lexopt::Error> {
    let (mut options, mut devices) = (Options::default(), Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Value(device) => devices.push(device.string()?),
            Short('h') | Long("help") => return Ok(None),
            argument => {
                let option = Options::named(argument)?;
                options.take(&option, parser)?;
            }
        }
    }
    Ok(Some(Order { options, devices }))
}

/// Shows them; the first that can't be read says what the exit status is.
pub(super) fn run(Order { options, devices }: Order) -> Result<ExitCode, Failure> {
    let mut connection = options.connect()?;
    let wants_all = devices.is_empty();
    let devices = if wants_all { names(&mut connection)? } else { devices };
    let about = |command| devices.iter().map(move |name| Request::new(command).with("DEVICE", name.as_str()));
    let states = connection.ask_all(&about("GET").collect::<Vec<_>>());
    let units = match options.form {
        Form::Json => Vec::new(),
        Form::Text => connection.ask_all(&about("DESCRIBE").collect::<Vec<_>>()),
    };
    connection.close();
    let (mut told, mut rows, mut failures) = (String::new(), Vec::new(), Vec::new());
    for (place, state) in states.into_iter().enumerate() {
        match (state, units.get(place)) {
            // Of all devices those are shown that this client may see.
            (Err(failure), _) if wants_all && failure.code() == Some("ACCESS_DENIED") => {}
            // Nobody answers the others either.
            (Err(failure @ (Failure::NotSent(_) | Failure::Unknown(_))), _) => return Err(failure),
            (Err(failure), _) => failures.push(failure),
            (Ok(state), None) => told += &format!("{}\n", serde_json::Value::Object(shown::json(&state))),
            (Ok(state), Some(about)) => {
                let units = about.as_ref().map(Units::of).unwrap_or_default();
                rows.push(shown::columns(&state, &units));
            }
        }
    }
    let printed = shown::finish(&(told + &shown::aligned(&rows)));
    let statuses: Vec<ExitCode> = failures.iter().map(complain).collect();
    Ok(statuses.into_iter().next().unwrap_or(printed))
}

/// The names of all devices.
pub(super) fn names(connection: &mut Connection) -> Result<Vec<String>, Failure> {
    let (mut names, mut after) = (Vec::new(), None::<String>);
    loop {
        let page: Fields = connection.ask(&Request::new("LIST").optional("AFTER", after))?;
        names.extend(page.list("DEVICES"));
        match page.get("NEXT") {
            Some(next) => after = Some(next.to_owned()),
            None => return Ok(names),
        }
    }
}
