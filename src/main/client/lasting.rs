//! A connection that comes back: what was subscribed to is subscribed to again.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use gpio_gatekeeper::client::{Backoff, Connection, Failure, Fields, Heard, Request, Settings};
use gpio_gatekeeper::net::Waker;
use nix::sys::signal::Signal;

use super::{Options, options, signals};

/// The connection, or the time until the next attempt.
pub(super) struct Lasting {
    settings: Settings,
    subscriptions: Vec<Request>,
    waker: Arc<Waker>,
    signals: Receiver<Signal>,
    backoff: Backoff,
    connection: Option<Connection>,
    next: Instant,
}

/// What has happened.
pub(super) enum News {
    /// The gatekeeper tells something.
    Event(Fields),
    /// The connection is there again, and everything is told anew.
    Back,
    /// It is gone, and will be tried again at this time.
    Lost(Failure, Instant),
    /// Somebody wants this to end.
    Ended,
    /// The time is over.
    Nothing,
}

impl Lasting {
    /// Connects for the first time, which has to succeed.
    pub(super) fn begin(options: &Options, subscriptions: Vec<Request>) -> Result<Lasting, Failure> {
        let settings = options.settings()?;
        let waker = options::waker()?;
        let connection = connect(&settings, &subscriptions, &waker)?;
        // Only now, so that a signal still ends the first attempt.
        let signals = signals::listen(waker.clone())?;
        let (backoff, next) = (Backoff::new(), Instant::now());
        Ok(Lasting { settings, subscriptions, waker, signals, backoff, connection: Some(connection), next })
    }

    /// Where it goes.
    pub(super) fn place(&self) -> String {
        self.settings.address.to_string()
    }

    /// The connection, while there is one.
    pub(super) fn connection(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut()
    }

    /// What happens next, or that nothing has until then.  A failure is one that no further attempt mends.
    pub(super) fn next(&mut self, until: Option<Instant>) -> Result<News, Failure> {
        let Some(connection) = &mut self.connection else { return self.wait(until) };
        let failure = match connection.listen(until) {
            Ok(Heard::Event(event)) => return Ok(News::Event(event)),
            Ok(Heard::Nothing) => return Ok(News::Nothing),
            Ok(Heard::Woken) if self.signals.try_recv().is_ok() => return Ok(News::Ended),
            Ok(Heard::Woken) => return Ok(News::Nothing),
            Err(failure) => failure,
        };
        self.lose(failure)
    }

    /// Says goodbye.
    pub(super) fn close(self) {
        if let Some(connection) = self.connection {
            connection.close();
        }
    }

    /// Waits until it is time for the next attempt, and makes it.
    fn wait(&mut self, until: Option<Instant>) -> Result<News, Failure> {
        let is_due = until.is_none_or(|until| self.next <= until);
        let wait = if is_due { self.next } else { until.unwrap_or(self.next) };
        if self.signals.recv_timeout(wait.saturating_duration_since(Instant::now())).is_ok() {
            return Ok(News::Ended);
        }
        // What rang it has been taken.
        self.waker.clear();
        if !is_due {
            return Ok(News::Nothing);
        }
        match connect(&self.settings, &self.subscriptions, &self.waker) {
            Ok(connection) => {
                self.backoff.reset();
                self.connection = Some(connection);
                Ok(News::Back)
            }
            Err(failure) => self.lose(failure),
        }
    }

    fn lose(&mut self, failure: Failure) -> Result<News, Failure> {
        self.connection = None;
        match failure.code() {
            // Who is not let in will not be the next time.
            Some("ACCESS_DENIED" | "MALFORMED") => return Err(failure),
            // Whoever has the name now would lose it in turn.
            Some("TAKEN_OVER") => self.backoff.lengthen(),
            _ => {}
        }
        self.next = Instant::now() + self.backoff.wait();
        Ok(News::Lost(failure, self.next))
    }
}

/// Connects, and subscribes to everything.
fn connect(
    settings: &Settings,
    subscriptions: &[Request],
    waker: &Arc<Waker>,
) -> Result<Connection, Failure> {
    let mut connection = Connection::open(settings, waker.clone())?;
    for request in subscriptions {
        connection.ask(request)?;
    }
    Ok(connection)
}
