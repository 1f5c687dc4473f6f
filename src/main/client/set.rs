//! `gpio-gatekeeper set` and `do`: what changes a device.

use std::process::ExitCode;

use gpio_gatekeeper::client::{Failure, Fields, Request};
use gpio_gatekeeper::domain::Span;
use lexopt::prelude::*;

use super::Options;
use super::options::{Form, below_zero, span};
use super::shown::{self, Units};

/// One command for one device.
pub(crate) struct Order {
    options: Options,
    device: String,
    request: Request,
    /// Under which lease it is meant.
    token: Option<String>,
    /// How long it may take until its turn comes; later it does nothing.
    within: Option<Span>,
}

/// The words that stand after the options, and those.
struct Words {
    options: Options,
    words: Vec<String>,
    token: Option<String>,
    within: Option<Span>,
}

/// Reads what follows the word `set`.
pub(super) fn arguments(parser: &mut lexopt::Parser) -> Result<Option<Order>, lexopt::Error> {
    let Some(Words { options, words, token, within }) = words(parser)? else { return Ok(None) };
    let [device, value] =
        <[String; 2]>::try_from(words).map_err(|_| "set needs a device and a value, such as: set led on")?;
    let request = Request::new("SET").with("DEVICE", device.as_str()).with("VALUE", value);
    Ok(Some(Order { options, device, request, token, within }))
}

/// Reads what follows the word `do`.
pub(super) fn any_action(parser: &mut lexopt::Parser) -> Result<Option<Order>, lexopt::Error> {
    let Some(Words { options, words, token, within }) = words(parser)? else { return Ok(None) };
    let mut words = words.into_iter();
    let (Some(device), Some(action)) = (words.next(), words.next()) else {
        return Err("do needs a device and an action, such as: do lamp blink on_time=250ms n=5".into());
    };
    let mut request = Request::new("DO").with("DEVICE", device.as_str()).with("ACTION", action);
    for word in words {
        let (name, value) =
            word.split_once('=').ok_or_else(|| format!("{word:?} is no parameter: write NAME=VALUE"))?;
        request = request.with(name.to_ascii_uppercase(), value);
    }
    Ok(Some(Order { options, device, request, token, within }))
}

fn words(parser: &mut lexopt::Parser) -> Result<Option<Words>, lexopt::Error> {
    let mut read = Words { options: Options::default(), words: Vec::new(), token: None, within: None };
    loop {
        if let Some(number) = below_zero(parser)? {
            read.words.push(number);
            continue;
        }
        match parser.next()? {
            None => return Ok(Some(read)),
            Some(Value(word)) => read.words.push(word.string()?),
            Some(Short('h') | Long("help")) => return Ok(None),
            Some(Long("token")) => read.token = Some(parser.value()?.string()?),
            Some(Long("within")) => read.within = Some(span(parser)?),
            Some(argument) => {
                let option = Options::named(argument)?;
                read.options.take(&option, parser)?;
            }
        }
    }
}

/// Has it carried out, and shows how the device is then.
pub(super) fn run(Order { options, device, request, token, within }: Order) -> Result<ExitCode, Failure> {
    let token = token.or_else(|| token_in_environment(&device));
    let has_lease = token.is_some();
    let request = request.optional("TOKEN", token).optional("TTL", within.map(|within| within.to_string()));
    let mut connection = options.connect()?;
    let state = connection.ask(&request)?;
    // It is done, whatever becomes of this question.
    let about = connection.ask(&Request::new("DESCRIBE").with("DEVICE", device.as_str())).ok();
    connection.close();
    let printed = match options.form {
        Form::Json => shown::finish(&serde_json::Value::Object(shown::json(&state)).to_string()),
        Form::Text => {
            let units = about.as_ref().map(Units::of).unwrap_or_default();
            shown::finish(&shown::aligned(&[shown::columns(&state, &units)]))
        }
    };
    let about = about.as_ref().filter(|_| !has_lease);
    if let Some(policy) = about.and_then(|about| ends_with_the_connection(&state, about)) {
        eprintln!(
            "gpio-gatekeeper: {device} does not stay so, for its on_link_lost is {policy}: run what needs it under \
             `gpio-gatekeeper lease {device} -- COMMAND`"
        );
    }
    Ok(printed)
}

/// Whoever runs this under a lease on the device means it under that lease.
fn token_in_environment(device: &str) -> Option<String> {
    let devices = std::env::var("GATEKEEPER_LEASE_DEVICES").ok();
    let is_held = |devices: &String| devices.split(',').any(|held| held == "*" || held == device);
    devices.filter(is_held).and_then(|_| std::env::var("GATEKEEPER_LEASE_TOKEN").ok())
}

/// What becomes of a device when the connection ends that wrote it, where it does not stay as it is.
fn ends_with_the_connection<'a>(state: &Fields, about: &'a Fields) -> Option<&'a str> {
    let policy = about.get("ON_LINK_LOST").filter(|policy| *policy != "hold")?;
    (state.get("VALUE") != Some("0")).then_some(policy)
}
