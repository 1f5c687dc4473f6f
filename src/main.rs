//! The `gpio-gatekeeper` program: arguments, configuration, start, wait for a signal, stop.

#[path = "main/hangup.rs"]
mod hangup;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gpio_gatekeeper::config;
use gpio_gatekeeper::daemon::{self, Daemon, DaemonConfig, Logging, StartupError};
use hangup::Hangup;
use lexopt::prelude::*;

const HELP: &str = "\
One process owns the GPIO lines of a board and shares them over a line protocol and MQTT.

Usage:
  gpio-gatekeeper                     the built-in demo on simulated hardware
  gpio-gatekeeper --config FILE       the devices of this configuration
  gpio-gatekeeper check FILE          tell every mistake in a configuration, without touching hardware
  gpio-gatekeeper config --example    print a commented, complete configuration
  gpio-gatekeeper cert --self-signed NAME... [--out FOLDER]
                                      make certificate.pem and key.pem for a first try of TLS; the names and
                                      addresses are those by which clients will call this machine

Options:
  -c, --config FILE    the configuration
  -h, --help           this text
  -V, --version        the version

RUST_LOG=debug tells more; SIGINT and SIGTERM stop the daemon in order.  SIGHUP makes it read its certificates anew,
or stops it where it has none.
Exit status: 0 for a good end, 1 when something failed, 2 for wrong arguments or a wrong configuration.";

/// What the arguments ask for.
enum Order {
    Run(Option<PathBuf>),
    Check(PathBuf),
    Example,
    Certificate { names: Vec<String>, folder: PathBuf },
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
        Order::Run(file) => run(file.as_deref()),
        Order::Check(file) => check(&file),
        Order::Example => print(&config::example(&daemon::kinds())),
        Order::Certificate { names, folder } => match daemon::make_self_signed(&names, &folder) {
            Ok(made) => print(&made.to_string()),
            Err(error) => fail(&error),
        },
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
                Some("check") => order = Some(Order::Check(parser.value()?.into())),
                Some("config") => match parser.next()? {
                    Some(Long("example")) => order = Some(Order::Example),
                    Some(argument) => return Err(argument.unexpected()),
                    None => return Err("config needs --example".into()),
                },
                Some("cert") => order = Some(certificate(&mut parser)?),
                _ => return Err(Value(word).unexpected()),
            },
            argument => return Err(argument.unexpected()),
        }
    }
    Ok(order.unwrap_or(Order::Run(file)))
}

fn certificate(parser: &mut lexopt::Parser) -> Result<Order, lexopt::Error> {
    let (mut names, mut folder) = (Vec::new(), PathBuf::from("."));
    while let Some(argument) = parser.next()? {
        match argument {
            Long("self-signed") => {
                for name in parser.values()? {
                    names.push(name.string()?);
                }
            }
            Long("out") => folder = parser.value()?.into(),
            Short('h') | Long("help") => return Ok(Order::Help),
            argument => return Err(argument.unexpected()),
        }
    }
    if names.is_empty() {
        return Err(
            "cert needs --self-signed and the names of this machine, such as raspberrypi.local".into()
        );
    }
    Ok(Order::Certificate { names, folder })
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

fn check(file: &Path) -> ExitCode {
    match load(file) {
        Ok(config) => {
            let report = daemon::check_files(&config);
            if !report.warnings.is_empty() {
                eprintln!("{}", in_file(file, &report.warnings));
            }
            if !report.mistakes.is_empty() {
                return wrong(&in_file(file, &report.mistakes));
            }
            print(&format!("{}: good, {} devices", file.display(), config.devices.len()))
        }
        Err(error) => wrong(&error),
    }
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

fn run(file: Option<&Path>) -> ExitCode {
    let config = match file {
        Some(file) => load(file),
        None => config::load(config::DEMO, "demo", &daemon::kinds()).map_err(|report| report.to_string()),
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => return wrong(&error),
    };
    let shows_certificates =
        [&config.line.tls, &config.mqtt.tls, &config.http.tls].into_iter().any(Option::is_some);
    let hangup = match shows_certificates.then(Hangup::hold_back).transpose() {
        Ok(hangup) => hangup,
        Err(error) => return fail(&format!("SIGHUP can't be held back: {error}")),
    };
    let logging = Logging::install(config.log);
    let prefix = config.mqtt.prefix.clone();
    let first = config.devices.first().map(|device| device.name.to_string());
    let daemon = match daemon::hardware(&config).and_then(|hardware| Daemon::start(config, hardware, logging))
    {
        Ok(daemon) => daemon,
        Err(StartupError::Files(mistakes)) => {
            return wrong(&in_file(file.unwrap_or(Path::new("demo")), &mistakes));
        }
        Err(error) => {
            let code = fail(&error);
            if file.is_none() && matches!(error, StartupError::Listen { .. }) {
                eprintln!(
                    "The demo's settings are built in: write your own with `gpio-gatekeeper config --example > my.jsonc`, \
                     and start with `gpio-gatekeeper --config my.jsonc`."
                );
            }
            return code;
        }
    };
    let (stopper, certificates) = (daemon.stopper(), daemon.certificates());
    let reload = move || {
        // The log says what came of it.
        let _ = certificates.reload();
    };
    let handled = hangup
        .map_or(Ok(()), |hangup| hangup.on_signal(reload))
        .and_then(|()| ctrlc::set_handler(move || stopper.stop()).map_err(io::Error::other));
    if let Err(error) = handled {
        log::error!("signals can't be handled: {error}");
        daemon.stop(daemon::Ending::Asked);
        return ExitCode::FAILURE;
    }
    print(&greeting(&daemon, file, &prefix, first.as_deref()));
    let why = daemon.wait();
    if daemon.stop(why) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is there, where, and how to try it.
fn greeting(daemon: &Daemon, file: Option<&Path>, prefix: &str, first: Option<&str>) -> String {
    let registry = &daemon.shared().registry;
    let mut text = format!("gpio-gatekeeper {}\n", env!("CARGO_PKG_VERSION"));
    let _ = match file {
        Some(file) => writeln!(text, "  config   {}", file.display()),
        None => writeln!(text, "  config   the built-in demo (--config FILE for your own)"),
    };
    let reality = if registry.simulated { ": SIMULATED, no real line is touched" } else { "" };
    let _ = writeln!(text, "  backend  {}{reality}", registry.backend);
    let names: Vec<_> = registry.devices.iter().map(|d| format!("{} ({})", d.name, d.kind)).collect();
    let _ = writeln!(text, "  devices  {}", names.join(", "));
    let addresses =
        [("line", daemon.line_address()), ("mqtt", daemon.mqtt_address()), ("http", daemon.http_address())];
    let secured = [
        ("line", daemon.line_tls_address()),
        ("mqtt", daemon.mqtt_tls_address()),
        ("http", daemon.http_tls_address()),
    ];
    for (name, address) in addresses {
        let _ = match address {
            Some(address) => writeln!(text, "  {name}     {address}"),
            None => writeln!(text, "  {name}     off"),
        };
    }
    for (name, address) in secured.into_iter().filter_map(|(name, address)| address.map(|it| (name, it))) {
        let _ = writeln!(text, "  {name}+tls {address}");
    }
    let _ = writeln!(text, "Try it in another terminal:");
    if let (Some(line), Some(device)) = (daemon.line_address(), first) {
        let _ = writeln!(
            text,
            "  printf '|START|COMMAND=DO|DEVICE={device}|ACTION=toggle|END||START|COMMAND=QUIT|END|\\n' | nc {} {}",
            line.ip(),
            line.port()
        );
    }
    if let Some(mqtt) = daemon.mqtt_address() {
        let _ = writeln!(text, "  mosquitto_sub -V 5 -h {} -p {} -t '{prefix}/#' -v", mqtt.ip(), mqtt.port());
    }
    text
}
