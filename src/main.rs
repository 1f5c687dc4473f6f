//! The `gpio-gatekeeper` program: arguments, configuration, start, wait for a signal, stop.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[path = "main/doctor.rs"]
mod doctor;
#[path = "main/hangup.rs"]
mod hangup;
#[path = "main/password.rs"]
mod password;
#[path = "main/safe_states.rs"]
mod safe_states;
#[path = "main/scan.rs"]
mod scan;
#[path = "main/unit.rs"]
mod unit;
#[path = "main/user.rs"]
mod user;

use gpio_gatekeeper::auth::UsersFile;
use gpio_gatekeeper::config;
use gpio_gatekeeper::daemon::{self, Daemon, DaemonConfig, Logging, StartupError, Supervisor};
use hangup::Hangup;
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
    Check(PathBuf),
    Explain(Question),
    Example,
    Certificate { names: Vec<String>, folder: PathBuf },
    ClientCertificate { name: String, folder: PathBuf },
    User(user::Order),
    SafeStates(PathBuf),
    Doctor(PathBuf),
    Scan(scan::Order),
    Unit(PathBuf),
    Help,
    Version,
}

/// Whether somebody may do something.
struct Question {
    config: PathBuf,
    user: String,
    client: Option<String>,
    wish: String,
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
        Order::Explain(question) => explain(&question),
        Order::Example => print(&config::example(&daemon::kinds())),
        Order::Certificate { names, folder } => match daemon::make_self_signed(&names, &folder) {
            Ok(made) => print(&made.to_string()),
            Err(error) => fail(&error),
        },
        Order::ClientCertificate { name, folder } => match daemon::make_client_certificate(&name, &folder) {
            Ok(made) => print(&made.to_string()),
            Err(error) => fail(&error),
        },
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
                Some("check") => return check_arguments(&mut parser),
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
                Some("cert") => order = Some(certificate(&mut parser)?),
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

fn certificate(parser: &mut lexopt::Parser) -> Result<Order, lexopt::Error> {
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
            Short('h') | Long("help") => return Ok(Order::Help),
            argument => return Err(argument.unexpected()),
        }
    }
    match client {
        None if names.is_empty() => Err(
            "cert needs --self-signed and the names of this machine, such as raspberrypi.local, or --client and a \
             client's name"
                .into(),
        ),
        None => Ok(Order::Certificate { names, folder }),
        Some(name) if names.is_empty() => Ok(Order::ClientCertificate { name, folder }),
        Some(_) => Err("--self-signed and --client are two certificates: make one after the other".into()),
    }
}

/// Reads what follows the word `check`.
fn check_arguments(parser: &mut lexopt::Parser) -> Result<Order, lexopt::Error> {
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

/// Texts that begin with their place in a file, one on a line.
fn in_file(file: &Path, told: &[String]) -> String {
    told.iter().map(|told| format!("{}:{told}", file.display())).collect::<Vec<_>>().join("\n")
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
    let logging = Logging::install(config.log);
    let supervisor = Supervisor::from_environment();
    // Before there is any other thread.  With neither users nor certificates there is nothing to be read anew, and a
    // terminal that hangs up ends the daemon; a supervisor never means that.
    let shows_certificates =
        [&config.line.tls, &config.mqtt.tls, &config.http.tls].into_iter().any(Option::is_some);
    let reads_anew = shows_certificates || config.users.is_some() || supervisor.is_there();
    if let Err(error) = if reads_anew { hangup::hold_back() } else { Ok(()) } {
        return fail(&format!("SIGHUP can't be held back: {error}"));
    }
    let prefix = config.mqtt.prefix.clone();
    let first = config.devices.first().map(|device| device.name.to_string());
    let started = daemon::hardware(&config)
        .and_then(|hardware| Daemon::start_under(supervisor.clone(), config, hardware, logging));
    let daemon = match started {
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
    let stopper = daemon.stopper();
    if let Err(error) = ctrlc::set_handler(move || stopper.stop()) {
        log::error!("signals can't be handled: {error}");
        daemon.stop(daemon::Ending::Asked);
        return ExitCode::FAILURE;
    }
    let (users, certificates) = (daemon.reloader(), daemon.certificates());
    let status = status(&daemon);
    let (reloading, serving) = (supervisor.clone(), status.clone());
    let read_anew = move || {
        reloading.reloading();
        if let Some(users) = &users {
            users.reload();
        }
        // The log says what came of it.
        let _ = certificates.reload();
        reloading.ready(&serving);
    };
    let hangup = match reads_anew.then(|| Hangup::start(read_anew)).transpose() {
        Ok(hangup) => hangup,
        Err(error) => {
            log::error!("the thread that waits for SIGHUP can't be started: {error}");
            daemon.stop(daemon::Ending::Asked);
            return ExitCode::FAILURE;
        }
    };
    supervisor.ready(&status);
    print(&greeting(&daemon, file, &prefix, first.as_deref()));
    let why = daemon.wait();
    if let Some(hangup) = hangup {
        hangup.stop();
    }
    if daemon.stop(why) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is there, in a line for the supervisor.
fn status(daemon: &Daemon) -> String {
    let registry = &daemon.shared().registry;
    let backend = if registry.simulated { "SIMULATED" } else { registry.backend };
    format!("{} devices on {backend}", registry.devices.len())
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
