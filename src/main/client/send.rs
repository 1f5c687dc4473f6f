//! `gpio-gatekeeper send` and `publish`: a message to one client, and the value of a variable for everybody.

use std::process::ExitCode;

use gpio_gatekeeper::client::{Failure, Request};
use lexopt::prelude::*;

use super::Options;
use super::options::below_zero;

/// What is told.
pub(crate) struct Order {
    options: Options,
    request: Request,
}

/// The words that stand after the options, and those.
struct Words {
    options: Options,
    words: Vec<String>,
    /// Of `publish` alone: whether those hear of it who come later.
    retain: Option<&'static str>,
}

/// Reads what follows the word `send`.
pub(super) fn arguments(parser: &mut lexopt::Parser) -> Result<Option<Order>, lexopt::Error> {
    let Some(Words { options, words, retain }) = words(parser)? else { return Ok(None) };
    if retain.is_some() {
        return Err("--retain is for publish: a message is not kept".into());
    }
    let [client, text] = <[String; 2]>::try_from(words).map_err(|_| "send needs a client and one text")?;
    Ok(Some(Order { options, request: Request::new("SEND").with("TO", client).with("VALUE", text) }))
}

/// Reads what follows the word `publish`.
pub(super) fn to_everybody(parser: &mut lexopt::Parser) -> Result<Option<Order>, lexopt::Error> {
    let Some(Words { options, words, retain }) = words(parser)? else { return Ok(None) };
    let [name, value] =
        <[String; 2]>::try_from(words).map_err(|_| "publish needs a variable and one value")?;
    let request = Request::new("PUB").with("VAR", name).with("VALUE", value).optional("RETAIN", retain);
    Ok(Some(Order { options, request }))
}

fn words(parser: &mut lexopt::Parser) -> Result<Option<Words>, lexopt::Error> {
    let mut read = Words { options: Options::default(), words: Vec::new(), retain: None };
    loop {
        if let Some(number) = below_zero(parser)? {
            read.words.push(number);
            continue;
        }
        match parser.next()? {
            None => return Ok(Some(read)),
            Some(Value(word)) => read.words.push(word.string()?),
            Some(Short('h') | Long("help")) => return Ok(None),
            Some(Long("retain")) => read.retain = Some("1"),
            Some(argument) => {
                let option = Options::named(argument)?;
                read.options.take(&option, parser)?;
            }
        }
    }
}

/// Hands it over.
pub(super) fn run(Order { options, request }: Order) -> Result<ExitCode, Failure> {
    let mut connection = options.connect()?;
    connection.ask(&request)?;
    connection.close();
    Ok(ExitCode::SUCCESS)
}
