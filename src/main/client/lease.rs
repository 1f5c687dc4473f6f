//! `gpio-gatekeeper lease`: holds devices, until it is ended or as long as a command runs.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use gpio_gatekeeper::client::{Connection, Failure, Fields, Heard, Relay, Request};
use gpio_gatekeeper::domain::Span;
use gpio_gatekeeper::net::Waker;
use lexopt::prelude::*;
use nix::sys::prctl;
use nix::sys::signal::Signal;

use super::child::Running;
use super::options::{self, Form, span};
use super::{Options, complain, shown, signals};

/// What is to be held, and for what.
pub(crate) struct Order {
    options: Options,
    devices: String,
    ttl: Option<Span>,
    wait: Option<Span>,
    command: Vec<OsString>,
}

/// A lease that is held.
struct Held {
    connection: Connection,
    waker: Arc<Waker>,
    signals: Receiver<Signal>,
    token: String,
    /// A third of the time that it lasts without a renewal.
    interval: Duration,
    renewal: Instant,
}

/// Why it is held no more.
enum End {
    /// Nobody wants it any more.
    Asked,
    /// The command has ended with this status.
    Command(u8),
    /// It was lost.
    Lost(Failure),
}

/// How long a lease lasts without a renewal, unless somebody says otherwise.
const TTL: Span = Span::from_millis(10_000);
/// This program, also after another one has taken its place on the disk; and its word for becoming a command.
const MYSELF: &str = "/proc/self/exe";
pub(super) const INSTEAD: &str = "run-instead";
/// How long a command may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(5);
/// The statuses with which a shell says that it finds no command, or can't run it.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// Reads what follows the word.
pub(super) fn arguments(parser: &mut lexopt::Parser) -> Result<Option<Order>, lexopt::Error> {
    let (mut options, mut devices, mut ttl, mut wait) = (Options::default(), None, None, None);
    let mut command = Vec::new();
    loop {
        // What follows -- is another program's.
        if let Some(mut raw) = parser.try_raw_args() {
            if raw.next_if(|text| text == "--").is_some() {
                command = raw.collect();
                break;
            }
        }
        match parser.next()? {
            None => break,
            Some(Value(names)) if devices.is_none() => devices = Some(names.string()?),
            Some(Long("ttl")) => ttl = Some(span(parser)?),
            Some(Long("wait")) => wait = Some(span(parser)?),
            Some(Short('h') | Long("help")) => return Ok(None),
            Some(argument) => {
                let option = Options::named(argument)?;
                options.take(&option, parser)?;
            }
        }
    }
    let devices = devices.ok_or("lease needs devices with commas, such as: lease led,motor")?;
    Ok(Some(Order { options, devices, ttl, wait, command }))
}

/// Holds them.
pub(super) fn run(Order { options, devices, ttl, wait, command }: Order) -> Result<ExitCode, Failure> {
    let settings = options.settings()?;
    let waker = options::waker()?;
    let mut connection = Connection::open(&settings, waker.clone())?;
    let request = Request::new("LEASE")
        .with("DEVICE", devices)
        .with("TTL", ttl.unwrap_or(TTL).to_string())
        // Whoever kills this program ends the lease.
        .with("CONNECTION", "1")
        .optional("WAIT", wait.map(|wait| wait.to_string()));
    let patience = wait.map_or(Duration::ZERO, |Span(wait)| wait) + settings.timeout;
    let lease = connection.ask_within(&request, patience)?;
    // Only now, so that a signal still ends the wait.
    let signals = signals::listen(waker.clone())?;
    let Span(lasts) = lease.get("TTL").and_then(|ttl| ttl.parse().ok()).unwrap_or(TTL);
    let interval = lasts / 3;
    let token = lease.get("TOKEN").unwrap_or_default().to_owned();
    let renewal = Instant::now() + interval;
    let mut held = Held { connection, waker, signals, token, interval, renewal };
    if command.is_empty() {
        tell(&lease, options.form);
        let end = held.last(None);
        return Ok(held.finish(end));
    }
    let relay = Relay::open(&settings.client, held.waker.clone())
        .map_err(|error| Failure::Settings(format!("no door for the command: {error}")))?;
    // What is held back here would be held back there as well, so that the command is called by way of this program.
    let mut called = Command::new(MYSELF);
    called.arg(INSTEAD).args(&command);
    for key in ["USER", "PASSWORD", "CA", "CERTIFICATE", "KEY"] {
        called.env_remove(format!("GATEKEEPER_{key}"));
    }
    called
        .env("GATEKEEPER_URL", format!("line://{}", relay.address()))
        .env("GATEKEEPER_TOKEN", relay.secret())
        .env("GATEKEEPER_CLIENT", &settings.client)
        .env("GATEKEEPER_LEASE_TOKEN", &held.token)
        .env("GATEKEEPER_LEASE_DEVICES", lease.get("DEVICES").unwrap_or_default());
    let running = Running::start(&mut called, held.waker.clone())
        .map_err(|error| Failure::Settings(format!("the command can't be started: {error}")))?;
    let end = held.last(Some((running, relay)));
    Ok(held.finish(end))
}

/// Becomes a command, which has no signals held back; it gives the status with which a shell says why not.
pub(super) fn become_command(command: &[OsString]) -> ExitCode {
    let Some((program, arguments)) = command.split_first() else { return ExitCode::from(NOT_RUNNABLE) };
    // Whoever kills the holder of the lease ends what runs under it as well.
    let alone = prctl::set_pdeathsig(Signal::SIGTERM);
    let error = match alone.and_then(|()| signals::let_through()) {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error.into(),
    };
    eprintln!("gpio-gatekeeper: {} can't be run: {error}", program.to_string_lossy());
    let is_missing = error.kind() == std::io::ErrorKind::NotFound;
    ExitCode::from(if is_missing { NOT_FOUND } else { NOT_RUNNABLE })
}

/// Says what is held.
fn tell(lease: &Fields, form: Form) {
    let text = |key| lease.get(key).unwrap_or_default();
    shown::say(&match form {
        Form::Json => serde_json::Value::Object(shown::json(lease)).to_string(),
        Form::Text => {
            format!("{} held under the token {}; Ctrl-C gives it back", text("DEVICES"), text("TOKEN"))
        }
    });
}

impl Held {
    /// Keeps the lease until there is a reason not to.
    fn last(&mut self, mut command: Option<(Running, Relay)>) -> End {
        loop {
            // However much there is to be heard, the lease comes first.
            let is_due = self.renewal <= Instant::now();
            let heard = match is_due.then(|| self.renew()) {
                Some(Err(failure)) => Err(failure),
                _ => self.connection.listen(Some(self.renewal)),
            };
            let lost = match heard {
                Err(failure) => Some(failure),
                Ok(Heard::Nothing) => None,
                Ok(Heard::Event(event)) => self.hear(&event, command.as_ref().map(|(_, relay)| relay)).err(),
                Ok(Heard::Woken) => match &mut command {
                    None if self.signals.try_recv().is_ok() => return End::Asked,
                    None => None,
                    Some((running, relay)) => {
                        self.signals.try_iter().for_each(|signal| pass_on(signal, running));
                        let lost = self.serve(relay).err();
                        if let Some(status) = running.status() {
                            return End::Command(status);
                        }
                        lost
                    }
                },
            };
            if let Some(failure) = lost {
                if let Some((running, relay)) = command {
                    // Nothing that it asks for is done any more.
                    drop(relay);
                    eprintln!("gpio-gatekeeper: the lease is lost: {failure}; the command is ended");
                    end(running);
                }
                return End::Lost(failure);
            }
        }
    }

    fn renew(&mut self) -> Result<(), Failure> {
        self.connection.ask(&Request::new("RENEW").with("TOKEN", self.token.as_str()))?;
        self.renewal = Instant::now() + self.interval;
        Ok(())
    }

    fn hear(&mut self, event: &Fields, relay: Option<&Relay>) -> Result<(), Failure> {
        let is_ours = event.get("TOKEN") == Some(self.token.as_str());
        match event.get("EVENT") {
            Some("LEASE_ENDING") if is_ours => self.renew(),
            Some("LEASE_LOST") if is_ours => {
                let text = |key| event.get(key).unwrap_or_default();
                let by = event.get("BY").map_or(String::new(), |by| format!(" by {by}: {}", text("REASON")));
                let message = format!("the lease has ended: {}{by}", text("CAUSE"));
                Err(Failure::Refused { code: "NO_LEASE".to_owned(), message })
            }
            _ => {
                if let Some(relay) = relay {
                    relay.tell(event);
                }
                Ok(())
            }
        }
    }

    /// Has done what the command and those that it calls ask for.
    fn serve(&mut self, relay: &Relay) -> Result<(), Failure> {
        while let Some(asked) = relay.take() {
            if self.renewal <= Instant::now() {
                self.renew()?;
            }
            let answer = self.connection.ask(&asked.request);
            let lost = match &answer {
                Err(failure @ (Failure::NotSent(_) | Failure::Unknown(_))) => Some(failure.clone()),
                _ => None,
            };
            asked.answer(answer);
            lost.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Gives back what is still held.
    fn finish(mut self, end: End) -> ExitCode {
        match end {
            End::Lost(failure) => complain(&failure),
            End::Asked | End::Command(_) => {
                // With the connection it ends in any case.
                let _ = self.connection.ask(&Request::new("RELEASE").with("TOKEN", self.token.as_str()));
                self.connection.close();
                match end {
                    End::Command(status) => ExitCode::from(status),
                    _ => ExitCode::SUCCESS,
                }
            }
        }
    }
}

/// A signal that came here is the command's as well; one that was typed it has got already.
fn pass_on(signal: Signal, running: &Running) {
    if signal != Signal::SIGINT {
        running.signal(signal);
    }
}

/// Ends a command: it is told to, and after a while made to.
fn end(mut running: Running) {
    running.signal(Signal::SIGTERM);
    if !running.ends_within(GRACE) {
        running.signal(Signal::SIGKILL);
        running.ends_within(GRACE);
    }
}
