//! `gpio-gatekeeper send`: a message to one client.

use std::process::ExitCode;

use gpio_gatekeeper::client::{Failure, Request};
use lexopt::prelude::*;

use super::Options;

/// What, and to whom.
pub(crate) struct Order {
    options: Options,
    client: String,
    text: String,
}

/// Reads what follows the word.
pub(super) fn arguments(parser: &mut lexopt::Parser) -> Result<Option<Order>, lexopt::Error> {
    let (mut options, mut words) = (Options::default(), Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            Short('h') | Long("help") => return Ok(None),
            Long(option) if Options::NAMES.contains(&option) => {
                let option = option.to_owned();
                options.take(&option, parser)?;
            }
            argument => return Err(argument.unexpected()),
        }
    }
    let [client, text] = <[String; 2]>::try_from(words).map_err(|_| "send needs a client and one text")?;
    Ok(Some(Order { options, client, text }))
}

/// Hands it over.
pub(super) fn run(Order { options, client, text }: Order) -> Result<ExitCode, Failure> {
    let mut connection = options.connect()?;
    connection.ask(&Request::new("SEND").with("TO", client).with("VALUE", text))?;
    connection.close();
    Ok(ExitCode::SUCCESS)
}
