//! `gpio-gatekeeper cert`: makes certificates for a first try.

use std::path::PathBuf;
use std::process::ExitCode;

use gpio_gatekeeper::daemon;
use lexopt::prelude::*;

use super::{fail, print};

/// Which certificate is to be made, and where.
pub(crate) enum Order {
    SelfSigned { names: Vec<String>, folder: PathBuf },
    Client { name: String, folder: PathBuf },
}

/// Makes it.
pub(crate) fn run(order: &Order) -> ExitCode {
    match order {
        Order::SelfSigned { names, folder } => match daemon::make_self_signed(names, folder) {
            Ok(made) => print(&made.to_string()),
            Err(error) => fail(&error),
        },
        Order::Client { name, folder } => match daemon::make_client_certificate(name, folder) {
            Ok(made) => print(&made.to_string()),
            Err(error) => fail(&error),
        },
    }
}

/// Reads what follows the word `cert`; nothing where help is asked for.
pub(crate) fn arguments(parser: &mut lexopt::Parser) -> Result<Option<Order>, lexopt::Error> {
    let (mut names, mut client, mut folder) = (Vec::new(), None, PathBuf::from("."));
    while let Some(argument) = parser.next()? {
        match argument {
            Long("self-signed") => {
                for name in parser.values()? {
                    names.push(name.string()?);
                }
            }
            Long("client") if client.is_none() => client = Some(parser.value()?.string()?),
            Long("out") => folder = parser.value()?.into(),
            Short('h') | Long("help") => return Ok(None),
            argument => return Err(argument.unexpected()),
        }
    }
    match client {
        None if names.is_empty() => Err(
            "cert needs --self-signed and the names of this machine, such as raspberrypi.local, or --client and a \
             client's name"
                .into(),
        ),
        None => Ok(Some(Order::SelfSigned { names, folder })),
        Some(name) if names.is_empty() => Ok(Some(Order::Client { name, folder })),
        Some(_) => Err("--self-signed and --client are two certificates: make one after the other".into()),
    }
}
