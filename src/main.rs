//! The `gpio-gatekeeper` program: arguments, configuration, start, wait for a signal, stop.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[path = "main/certificate.rs"]
mod certificate;
#[path = "main/check.rs"]
mod check;
#[path = "main/client/mod.rs"]
mod client;
#[path = "main/doctor.rs"]
mod doctor;
#[path = "main/hangup.rs"]
mod hangup;
#[path = "main/password.rs"]
mod password;
#[path = "main/run.rs"]
mod run;
#[path = "main/safe_states.rs"]
mod safe_states;
#[path = "main/scan.rs"]
mod scan;
#[path = "main/unit.rs"]
mod unit;
#[path = "main/user.rs"]
mod user;

use gpio_gatekeeper::config;
use gpio_gatekeeper::daemon::{self, DaemonConfig};
use lexopt::prelude::*;

const HELP: &str = "\
One process owns the GPIO lines of a board and shares them over a line protocol and MQTT.

Usage:
  gpio-gatekeeper                     the built-in demo on simulated hardware
  gpio-gatekeeper --config FILE       the devices of this configuration
  gpio-gatekeeper check FILE          tell every mistake in a configuration, without touching hardware
  gpio-gatekeeper check FILE --as USER [--client ID] --can 'read|write DEVICE' or 'publish|subscribe TOPIC'
  gpio-gatekeeper config --example    print a commented, complete configuration
  gpio-gatekeeper scan [--json] [--no-i2c]
                                      list chips, lines and who holds them, I2C addresses with likely parts, 1-wire
                                      parts, SPI devices and PWM chips; --no-i2c asks nobody on the I2C buses
  gpio-gatekeeper doctor FILE         explain what in a configuration can't work on this board, and what mends it
  gpio-gatekeeper safe-states --config FILE
                                      bring every output to its on_stop value where no daemon runs that could
  gpio-gatekeeper unit --config FILE  print a systemd unit for this program and this configuration
  gpio-gatekeeper cert --self-signed NAME... [--out FOLDER]
                                      make certificate.pem and key.pem for a first try of TLS; the names and
                                      addresses are those by which clients will call this machine
  gpio-gatekeeper cert --client NAME [--out FOLDER]
                                      make NAME.pem and NAME-key.pem for a client, signed by clients.pem, which is
                                      made if it is not there
  gpio-gatekeeper user add NAME [--role viewer|operator|admin] [--devices PATTERN,...] [--topics PATTERN,...]
                                [--expires SPAN|DATE] [--password-stdin | --no-password]
  gpio-gatekeeper user passwd NAME [--password-stdin]
  gpio-gatekeeper user token NAME [--expires SPAN|DATE]   a secret for a device, shown once; or --revoke all of them
  gpio-gatekeeper user certificate NAME CERTIFICATE-NAME   whoever shows a certificate of this name is the user;
                                                          --remove: no more
  gpio-gatekeeper user remove NAME
  gpio-gatekeeper user list [--json]                      each with --users FILE, or --config FILE

For a gatekeeper that runs, here or elsewhere; each with --help for more:
  gpio-gatekeeper get [DEVICE...] | set DEVICE VALUE | do DEVICE ACTION [NAME=VALUE...] | watch [DEVICE...] |
  lease DEVICE[,DEVICE...] [-- COMMAND ARG...] | send CLIENT TEXT | publish VARIABLE VALUE | logs [--audit] |
  completion bash|zsh|fish

Options:
  -c, --config FILE    the configuration
  -h, --help           this text
  -V, --version        the version

RUST_LOG=debug tells more; SIGINT and SIGTERM stop the daemon in order.  SIGHUP makes it read its users and certificates
anew, or stops it where it has neither and systemd has not started it.
Exit status: 0 for a good end, 1 when something failed, 2 for wrong arguments or a wrong configuration.";

/// What the arguments ask for.
enum Order {
    Run(Option<PathBuf>),
    Check(check::Order),
    Client(Box<client::Order>),
    Example,
    Certificate(certificate::Order),
    User(user::Order),
    SafeStates(PathBuf),
    Doctor(PathBuf),
    Scan(scan::Order),
    Unit(PathBuf),
    Help,
    Version,
}

fn main() -> ExitCode {
    let order = match arguments() {
        Ok(order) => order,
        Err(error) => {
            eprintln!("gpio-gatekeeper: {error}; --help tells what there is");
            return ExitCode::from(2);
        }
    };
    match order {
        Order::Run(file) => run::run(file.as_deref()),
        Order::Check(order) => check::run(&order),
        Order::Client(order) => client::run(*order),
        Order::Example => print(&config::example(&daemon::kinds())),
        Order::Certificate(order) => certificate::run(&order),
        Order::User(order) => user::run(order),
        Order::SafeStates(file) => safe_states::run(&file),
        Order::Doctor(file) => doctor::run(&file),
        Order::Scan(order) => scan::run(&order),
        Order::Unit(file) => unit::run(&file),
        Order::Help => print(HELP),
        Order::Version => print(concat!("gpio-gatekeeper ", env!("CARGO_PKG_VERSION"))),
    }
}

fn arguments() -> Result<Order, lexopt::Error> {
    let mut parser = lexopt::Parser::from_env();
    let (mut order, mut file) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Order::Help),
            Short('V') | Long("version") => return Ok(Order::Version),
            Short('c') | Long("config") if file.is_none() && order.is_none() => {
                file = Some(parser.value()?.into())
            }
            Value(word) if order.is_none() && file.is_none() => match word.to_str() {
                Some(word) if client::WORDS.contains(&word) => {
                    return client::arguments(word, &mut parser).map(Box::new).map(Order::Client);
                }
                Some("check") => return check::arguments(&mut parser).map(Order::Check),
                Some("user") => return user::arguments(&mut parser).map(Order::User),
                Some("config") => match parser.next()? {
                    Some(Long("example")) => order = Some(Order::Example),
                    Some(argument) => return Err(argument.unexpected()),
                    None => return Err("config needs --example".into()),
                },
                Some("safe-states") => return configured(&mut parser, "safe-states").map(Order::SafeStates),
                Some("doctor") => return doctor::arguments(&mut parser).map(Order::Doctor),
                Some("scan") => return scan::arguments(&mut parser).map(Order::Scan),
                Some("unit") => return configured(&mut parser, "unit").map(Order::Unit),
                Some("cert") => {
                    return Ok(certificate::arguments(&mut parser)?.map_or(Order::Help, Order::Certificate));
                }
                _ => return Err(Value(word).unexpected()),
            },
            argument => return Err(argument.unexpected()),
        }
    }
    Ok(order.unwrap_or(Order::Run(file)))
}

/// Reads what follows a word that needs a configuration and nothing else.
fn configured(parser: &mut lexopt::Parser, word: &str) -> Result<PathBuf, lexopt::Error> {
    let mut file = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('c') | Long("config") if file.is_none() => file = Some(parser.value()?.into()),
            argument => return Err(argument.unexpected()),
        }
    }
    file.ok_or_else(|| format!("{word} needs --config FILE").into())
}

/// Prints to standard output; a reader that has gone away is no failure.
fn print(text: &str) -> ExitCode {
    match writeln!(io::stdout().lock(), "{}", text.trim_end()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("gpio-gatekeeper: can't write: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("gpio-gatekeeper: {error}");
    ExitCode::FAILURE
}

/// Reads a configuration.  The mistakes in one begin with its name, so that editors find their places.
fn load(file: &Path) -> Result<DaemonConfig, String> {
    let text = std::fs::read(file)
        .map_err(|error| format!("gpio-gatekeeper: can't read {}: {error}", file.display()))?;
    let text = String::from_utf8(text).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        format!("{}: the file is not UTF-8 from byte {} on", file.display(), place + 1)
    })?;
    config::load(&text, &file.display().to_string(), &daemon::kinds()).map_err(|report| report.to_string())
}

/// Where the users of a configuration are.
fn users_of(file: &Path) -> Result<PathBuf, String> {
    load(file)?.users.ok_or_else(|| format!("{}: there are no \"users\" in it", file.display()))
}

/// Texts that begin with their place in a file, one on a line.
fn in_file(file: &Path, told: &[String]) -> String {
    told.iter().map(|told| format!("{}:{told}", file.display())).collect::<Vec<_>>().join("\n")
}

/// Tells what is wrong with a configuration.
fn wrong(mistakes: &str) -> ExitCode {
    eprintln!("{mistakes}");
    ExitCode::from(2)
}
