//! `gpio-gatekeeper` itself: the daemon from its start to its end.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use gpio_gatekeeper::config;
use gpio_gatekeeper::daemon::{self, Daemon, Logging, StartupError, Supervisor};

use super::hangup::{self, Hangup};
use super::{fail, in_file, load, print, wrong};

/// Runs it with this configuration, or with the demo's.
pub(crate) fn run(file: Option<&Path>) -> ExitCode {
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
    print(&greeting(&daemon, file, &prefix));
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

/// The kind of lines that nobody can toggle before they are configured.
const RAW: &str = "raw_line";
/// An action that shows at once that something happens.
const TOGGLE: &str = "toggle";

/// What is there, where, and how to try it.
fn greeting(daemon: &Daemon, file: Option<&Path>, prefix: &str) -> String {
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
    if let (Some(line), Some(entry)) = (daemon.line_address(), registry.devices.first()) {
        let (name, address) = (&entry.name, format!("{} {}", line.ip(), line.port()));
        // Nobody is asked to switch something on of which only its owner knows what it drives.
        let command = match registry.simulated && entry.kind != RAW && entry.can(TOGGLE) {
            true => format!("COMMAND=DO|DEVICE={name}|ACTION=toggle"),
            false => format!("COMMAND=GET|DEVICE={name}"),
        };
        let _ = writeln!(text, "  printf '|START|{command}|END||START|COMMAND=QUIT|END|\\n' | nc {address}");
    }
    if let Some(mqtt) = daemon.mqtt_address() {
        let _ = writeln!(text, "  mosquitto_sub -V 5 -h {} -p {} -t '{prefix}/#' -v", mqtt.ip(), mqtt.port());
    }
    text
}
