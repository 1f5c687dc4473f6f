//! What all words have in common: where to, as whom, how long, and how it is shown.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gpio_gatekeeper::client::{Connection, Failure, Given, Settings, file_in};
use gpio_gatekeeper::domain::Span;
use gpio_gatekeeper::net::Waker;
use lexopt::prelude::*;

use crate::password;

/// The options as they were given.
#[derive(Default)]
pub(super) struct Options {
    given: Given,
    token_file: Option<PathBuf>,
    password: Option<Typed>,
    timeout: Option<Span>,
    asking: Asking,
    pub(super) form: Form,
}

/// How something is shown.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For people.
    #[default]
    Text,
    /// For programs: a JSON object on each line.
    Json,
}

/// Whether somebody may be asked for a password.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// On a terminal, where there is one.
    #[default]
    OnTerminal,
    /// Nobody is there to answer.
    Never,
}

/// Where a password comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Typed {
    /// The first line of standard input.
    StandardInput,
}

/// How long a connection, and an answer, may take.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Options {
    /// The names of all of them.
    pub(super) const NAMES: [&str; 10] = [
        "url",
        "user",
        "password-stdin",
        "token-file",
        "ca",
        "certificate",
        "key",
        "client",
        "timeout",
        "json",
    ];

    /// The name of one of them, if this argument is one.
    pub(super) fn named(argument: lexopt::Arg<'_>) -> Result<String, lexopt::Error> {
        match argument {
            Long(option) if Options::NAMES.contains(&option) => Ok(option.to_owned()),
            argument => Err(argument.unexpected()),
        }
    }

    /// Takes one of them, and its value from what follows.
    pub(super) fn take(&mut self, option: &str, parser: &mut lexopt::Parser) -> Result<(), lexopt::Error> {
        match option {
            "url" => self.given.url = Some(parser.value()?.string()?),
            "user" => self.given.user = Some(parser.value()?.string()?),
            "password-stdin" => self.password = Some(Typed::StandardInput),
            "token-file" => self.token_file = Some(parser.value()?.into()),
            "ca" => self.given.ca = Some(parser.value()?.into()),
            "certificate" => self.given.certificate = Some(parser.value()?.into()),
            "key" => self.given.key = Some(parser.value()?.into()),
            "client" => self.given.client = Some(parser.value()?.string()?),
            "timeout" => self.timeout = Some(span(parser)?),
            _ => self.form = Form::Json,
        }
        Ok(())
    }

    /// Where to connect, and as whom, by what was given here, in the environment and in the file.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let environment = |key: &str| std::env::var(key).ok();
        let mut flags = self.given.clone();
        if let Some(path) = &self.token_file {
            let token = std::fs::read_to_string(path);
            let token = token
                .map_err(|error| Failure::Settings(format!("{} can't be read: {error}", path.display())))?;
            flags.token = Some(token.trim().to_owned());
        }
        if self.password.is_some() {
            flags.password = Some(password::line().map_err(Failure::Settings)?);
        }
        let file = match file_in(environment).map_err(Failure::Settings)? {
            Some(path) => Given::in_file(&path).map_err(Failure::Settings)?,
            None => Given::default(),
        };
        let timeout = self.timeout.map_or(TIMEOUT, |Span(timeout)| timeout);
        let all = flags.over(Given::in_environment(environment)).over(file);
        let ask = |user: &str| match self.asking {
            Asking::OnTerminal => password::ask_once(user),
            Asking::Never => Err(format!("{user} needs a password")),
        };
        let settings = all.settings(timeout, ask).map_err(Failure::Settings)?;
        if settings.exposes_secret() && self.asking == Asking::OnTerminal {
            eprintln!(
                "gpio-gatekeeper: on the way to {} others can read the password: lines:// hides it",
                settings.address
            );
        }
        Ok(settings)
    }

    /// The same, without anything that a person would have to wait for.
    pub(super) fn hurried(self, timeout: Span) -> Options {
        Options { timeout: Some(timeout), asking: Asking::Never, ..self }
    }

    /// Connects.
    pub(super) fn connect(&self) -> Result<Connection, Failure> {
        Connection::open(&self.settings()?, waker()?)
    }
}

/// What ends a wait.
pub(super) fn waker() -> Result<Arc<Waker>, Failure> {
    let waker = Waker::new().map_err(|error| Failure::Settings(format!("no eventfd: {error}")))?;
    Ok(Arc::new(waker))
}

/// A number below 0, if that is what comes next: it begins as an option does, and is a value.
pub(super) fn below_zero(parser: &mut lexopt::Parser) -> Result<Option<String>, lexopt::Error> {
    let Some(mut raw) = parser.try_raw_args() else { return Ok(None) };
    let is_number = |text: &str| text.starts_with('-') && text.parse::<f64>().is_ok();
    let number = raw.next_if(|text| text.to_str().is_some_and(is_number));
    number.map(|number| number.string()).transpose()
}

/// A duration that follows an option.
pub(super) fn span(parser: &mut lexopt::Parser) -> Result<Span, lexopt::Error> {
    let text = parser.value()?.string()?;
    text.parse().map_err(|error| format!("{text:?}: {error}").into())
}
