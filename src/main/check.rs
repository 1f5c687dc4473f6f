//! `gpio-gatekeeper check`: tells every mistake in a configuration, and what a user may do.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gpio_gatekeeper::auth::UsersFile;
use gpio_gatekeeper::daemon;
use lexopt::prelude::*;

use super::{in_file, load, print, wrong};

/// What is to be told.
pub(crate) enum Order {
    Check(PathBuf),
    Explain(Question),
}

/// Whether somebody may do something.
pub(crate) struct Question {
    config: PathBuf,
    user: String,
    client: Option<String>,
    wish: String,
}

/// Tells it.
pub(crate) fn run(order: &Order) -> ExitCode {
    match order {
        Order::Check(file) => check(file),
        Order::Explain(question) => explain(question),
    }
}

/// Reads what follows the word `check`.
pub(crate) fn arguments(parser: &mut lexopt::Parser) -> Result<Order, lexopt::Error> {
    let (mut file, mut user, mut client, mut wish) = (None, None, None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Value(path) if file.is_none() => file = Some(PathBuf::from(path)),
            Long("as") => user = Some(parser.value()?.string()?),
            Long("client") => client = Some(parser.value()?.string()?),
            Long("can") => wish = Some(parser.value()?.string()?),
            argument => return Err(argument.unexpected()),
        }
    }
    let config = file.ok_or("check needs an argument, the FILE")?;
    match (user, wish) {
        (None, None) if client.is_none() => Ok(Order::Check(config)),
        (Some(user), Some(wish)) => Ok(Order::Explain(Question { config, user, client, wish })),
        _ => Err("--as USER and --can 'write DEVICE' belong together".into()),
    }
}

fn check(file: &Path) -> ExitCode {
    let config = match load(file) {
        Ok(config) => config,
        Err(error) => return wrong(&error),
    };
    let users = match config.users.as_ref().map(|users| UsersFile::at(users).read()).transpose() {
        Ok(users) => users,
        Err(error) => return wrong(&format!("{}: users: {error}", file.display())),
    };
    if let Some(warning) = users.and_then(|users| daemon::check_users(&config, &users)) {
        eprintln!("{}: {warning}", file.display());
    }
    config.dangers().iter().for_each(|danger| eprintln!("{}: {danger}", file.display()));
    let report = daemon::check_files(&config);
    if !report.warnings.is_empty() {
        eprintln!("{}", in_file(file, &report.warnings));
    }
    if !report.mistakes.is_empty() {
        return wrong(&in_file(file, &report.mistakes));
    }
    print(&format!("{}: good, {} devices", file.display(), config.devices.len()))
}

/// Says whether somebody may do something: the exit status is 0 for yes and 1 for no.
fn explain(question: &Question) -> ExitCode {
    let Question { config: file, user, client, wish } = question;
    let explained = load(file).and_then(|config| {
        let users = config.users.as_ref().ok_or("there are no users, and everybody may do everything")?;
        let users = UsersFile::at(users).read().map_err(|error| error.to_string())?;
        daemon::explain(&config, &users, user, client.as_ref().unwrap_or(user), wish)
    });
    match explained {
        Ok(explained) => {
            let printed = print(&explained.sentence);
            if explained.verdict == daemon::Verdict::Yes { printed } else { ExitCode::FAILURE }
        }
        Err(error) => wrong(&error),
    }
}
