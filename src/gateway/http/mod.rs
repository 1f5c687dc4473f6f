//! HTTP: how the gatekeeper is, what it has counted, and the door to MQTT in WebSockets.
//!
//! A connection is for one request.  What it asks for is told, and it is closed; or it becomes a WebSocket, and then
//! it is an MQTT client like any other.

mod health;
mod metrics;
mod upgrade;
mod visitors;

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use log::debug;

pub use visitors::{Reach, Visitors};

use super::Shared;
use super::mqtt::{self, MqttSettings};
use crate::net::{Accepted, Interest, Link, Patience, Read, Seating};
use crate::wire::http::{Bad, Method, Request, Response, Split, Status, split};

/// What the configuration says about HTTP connections.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// How long a connection may be there without a whole request.
    pub connect_time: Duration,
    /// Who may come from where.
    pub visitors: Visitors,
    /// How MQTT is spoken in WebSockets.
    pub mqtt: MqttSettings,
}

/// What came of waiting for a request.
enum Heard {
    /// A whole head, or one that can't become good any more.
    Head,
    /// Not a whole one in time.
    TooLate,
    /// The client has gone, or all have to go.
    Nothing,
}

/// What is answered.
enum Answer {
    /// This, and then the connection is closed.
    Response(Response),
    /// This head; then the connection is a WebSocket, which begins behind so many bytes of the request.
    WebSocket { head: Vec<u8>, request: usize },
}

/// How long a client has to read its answer and to close.
const FAREWELL: Duration = Duration::from_millis(500);
/// A message may be so much larger than the largest packet, for the beginning of another one.
const SLACK: usize = 16 << 10;

const WHAT_THERE_IS: &str = "\
GPIO Gatekeeper speaks HTTP at
  /health    whether the hardware thread answers, as JSON; 200, or 503 when it does not
  /metrics   what is counted, as Prometheus reads it
  /mqtt      MQTT in WebSockets, with the subprotocol mqtt
";

/// Serves one connection on its own thread, to the end.  `number` tells it from every other one of this listener.
pub fn serve(accepted: Accepted, shared: &Shared, settings: &HttpSettings, number: u64) {
    shared.counters.http_connections.add(1);
    let peer = accepted.link.peer();
    match converse(accepted, shared, settings, number) {
        Ok(()) => debug!("{peer}: the request is done with"),
        Err(error) => debug!("{peer}: the connection broke: {error}"),
    }
}

fn converse(accepted: Accepted, shared: &Shared, settings: &HttpSettings, number: u64) -> io::Result<()> {
    let Accepted { mut link, seat } = accepted;
    let patience = Patience::of(&seat)?;
    let until = Instant::now() + settings.connect_time;
    let mut input = Vec::new();
    let (method, answer) = match listen(&mut link, &mut input, &patience, until)? {
        Heard::Nothing => {
            link.finish();
            return Ok(());
        }
        Heard::TooLate => {
            let response = Response::text(Status::RequestTimeout, "no whole request came in time");
            (Method::Get, Answer::Response(response))
        }
        Heard::Head => match split(&input) {
            Ok(Split::Request { request, length }) => {
                let answer = answer(&request, &input[..length], seat.outlook(), shared, settings);
                (request.method, answer.unwrap_or_else(|bad| Answer::Response(refusal(bad))))
            }
            Ok(Split::NeedMore) => return Ok(()),
            Err(bad) => (Method::Get, Answer::Response(refusal(bad))),
        },
    };
    match answer {
        Answer::Response(response) => {
            debug!("{}: {}", link.peer(), response.status.line());
            say(&mut link, &response.encode(method), &patience)?;
            let until = Instant::now() + FAREWELL;
            link.linger(until, |socket, interest| patience.wait(socket, interest, until))
        }
        Answer::WebSocket { head, request } => {
            say(&mut link, &head, &patience)?;
            let rest = input.split_off(request);
            let link = link.into_websocket(rest, settings.mqtt.maximum_packet + SLACK);
            mqtt::serve(Accepted { link, seat }, shared, &settings.mqtt, number);
            Ok(())
        }
    }
}

/// Waits for a whole head.
fn listen(link: &mut Link, input: &mut Vec<u8>, patience: &Patience, until: Instant) -> io::Result<Heard> {
    let interest = Interest { read: true, write: false };
    loop {
        let ready = link.wait(interest, |socket, interest| patience.wait(socket, interest, until))?;
        if ready.read {
            let read = link.read(input)?;
            if !matches!(split(input), Ok(Split::NeedMore)) {
                return Ok(Heard::Head);
            }
            if read == Read::End {
                return Ok(Heard::Nothing);
            }
        } else if ready.gone {
            return Ok(Heard::Nothing);
        }
        if Instant::now() >= until {
            return Ok(Heard::TooLate);
        }
    }
}

/// Sends all of it, to a client that reads.
fn say(link: &mut Link, bytes: &[u8], patience: &Patience) -> io::Result<()> {
    let until = Instant::now() + FAREWELL;
    let interest = Interest { read: false, write: true };
    let mut left = bytes;
    loop {
        left = &left[link.write(left)?..];
        if left.is_empty() && !link.has_unsent() {
            return Ok(());
        }
        let ready = patience.wait(link.as_fd(), interest, until)?;
        if ready.gone || Instant::now() >= until {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read"));
        }
    }
}

fn answer(
    request: &Request<'_>,
    head: &[u8],
    seating: Seating,
    shared: &Shared,
    settings: &HttpSettings,
) -> Result<Answer, Bad> {
    settings.visitors.check_host(request)?;
    if request.method == Method::Other {
        let response = Response::text(Status::MethodNotAllowed, "only GET and HEAD are understood here");
        return Ok(Answer::Response(response.with("Allow", "GET, HEAD")));
    }
    Ok(Answer::Response(match request.path {
        "/" => Response::text(Status::Ok, WHAT_THERE_IS),
        "/health" => health::response(shared),
        "/metrics" => metrics::response(shared),
        "/mqtt" => match upgrade::answer(head, request, &settings.visitors, seating) {
            Ok(answer) => return Ok(Answer::WebSocket { head: answer, request: head.len() }),
            Err(response) => response,
        },
        _ => Response::text(Status::NotFound, "nothing is here; there are /, /health, /metrics and /mqtt"),
    }))
}

fn refusal(Bad { status, why }: Bad) -> Response {
    Response::text(status, why)
}
