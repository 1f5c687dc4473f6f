//! The commands of the protocol: one row each, which `HELP` tells and which says who carries it out.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::about;
use super::conversation::{LineConversation, Then};
use super::entering;
use super::faults;
use super::subscribing::{self, variable};
use super::thresholds;
use super::translate::{self, Fields, required};
use crate::control::Now;
use crate::domain::{
    Action, Arguments, ClientId, Code, Command, Datum, LeaseOrder, Order, Principal, Refusal, Span,
};
use crate::gateway::{Body, Message, access};
use crate::wire::line::Frame;
use crate::wire::mqtt::TopicName;

/// One command of the protocol.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// How it is written, with blanks in the place of bars.
    pub(super) syntax: &'static str,
    /// Why it exists.
    pub(super) purpose: &'static str,
    carry_out: fn(&mut LineConversation, &Frame<'_>, Instant) -> Result<Next, Refusal>,
}

/// What comes after a command was understood.
pub(super) enum Next {
    /// Its reply.
    Reply(Fields),
    /// The reply follows when somebody else has answered.
    Wait,
    /// A refusal of which the audit knows as much as it is to know.
    Refuse(Refusal),
}

/// Every command.
pub(super) static COMMANDS: [Row; 22] = [
    Row {
        name: "HELP",
        syntax: "HELP [OF=command]",
        purpose: "tells which commands there are, and how one is written",
        carry_out: |_, frame, _| about::help(frame).map(Next::Reply),
    },
    Row {
        name: "HELLO",
        syntax: "HELLO [CLIENT=id] [KEEPALIVE=duration]",
        purpose: "says who the client is, and how often it will be heard",
        carry_out: hello,
    },
    Row {
        name: "HELLO!",
        syntax: "HELLO!",
        purpose: "answers the keepalive: the client is there",
        carry_out: |_, _, _| Ok(Next::Reply(Fields::new())),
    },
    Row {
        name: "AUTH",
        syntax: "AUTH USER=name PASSWORD=password (or TOKEN=token)",
        purpose: "proves who the client is",
        carry_out: |line, frame, _| entering::auth(line, frame),
    },
    Row {
        name: "LIST",
        syntax: "LIST [AFTER=name]",
        purpose: "names the devices",
        carry_out: |line, frame, _| {
            about::list(&line.shared.registry, line.settings.maximum_frame, frame).map(Next::Reply)
        },
    },
    Row {
        name: "DESCRIBE",
        syntax: "DESCRIBE DEVICE=name (or LINE=offset)",
        purpose: "tells what a device is and what it can do",
        carry_out: |line, frame, _| about::describe(&line.shared.registry, frame).map(Next::Reply),
    },
    Row {
        name: "GET",
        syntax: "GET DEVICE=name (or LINE=offset)",
        purpose: "reads a device from its hardware, now",
        carry_out: |line, frame, now| {
            let target = translate::target(&line.shared.registry, frame)?;
            line.order(frame, Order::Command(Command::new(target, Action::new("read"))?), None, now)
        },
    },
    Row {
        name: "SET",
        syntax: "SET DEVICE=name (or LINE=offset) VALUE=value [TOKEN=token] [NOT_AFTER=time] [TTL=duration]",
        purpose: "gives a device a value: ON, OFF, TOGGLE or a number",
        carry_out: |line, frame, now| {
            let command = translate::set(&line.shared.registry, frame)?;
            drive(line, frame, command, now)
        },
    },
    Row {
        name: "DO",
        syntax: "DO DEVICE=name (or LINE=offset) ACTION=action [PARAMETER=value ...] [TOKEN=token] [NOT_AFTER=time] \
                 [TTL=duration]",
        purpose: "carries out any action of a device",
        carry_out: |line, frame, now| {
            let command = translate::any_action(&line.shared.registry, frame)?;
            drive(line, frame, command, now)
        },
    },
    Row {
        name: "SUB",
        syntax: "SUB DEVICE=name (or DEVICE=* or VAR=name or LEASE=name or LEASE=* or LOG=level or AUDIT=1)",
        purpose: "asks to be told of every change",
        carry_out: |line, frame, _| subscribing::subscribe(line, frame),
    },
    Row {
        name: "UNSUB",
        syntax: "UNSUB DEVICE=name (or whatever else was subscribed to, as with SUB)",
        purpose: "ends a subscription",
        carry_out: |line, frame, _| subscribing::unsubscribe(line, frame),
    },
    Row {
        name: "PUB",
        syntax: "PUB VAR=name VALUE=text [RETAIN=1]",
        purpose: "tells a value to everybody who subscribed to a variable",
        carry_out: publish,
    },
    Row {
        name: "SEND",
        syntax: "SEND TO=client VALUE=text",
        purpose: "tells something to one client",
        carry_out: send,
    },
    Row {
        name: "LEASE",
        syntax: "LEASE DEVICE=name,... (or DEVICE=*) [TTL=duration] [WAIT=duration] [CONNECTION=1]",
        purpose: "acquires the sole right to write devices, for some time",
        carry_out: |line, frame, now| lease(line, frame, "lease", "DEVICE", now),
    },
    Row {
        name: "RENEW",
        syntax: "RENEW TOKEN=token",
        purpose: "gives a lease another whole time",
        carry_out: |line, frame, now| lease(line, frame, "renew", "TOKEN", now),
    },
    Row {
        name: "RELEASE",
        syntax: "RELEASE TOKEN=token",
        purpose: "gives a lease back",
        carry_out: |line, frame, now| lease(line, frame, "release", "TOKEN", now),
    },
    Row {
        name: "BREAK",
        syntax: "BREAK DEVICE=name,... (or DEVICE=*) REASON=text",
        purpose: "ends the leases on devices, whoever holds them",
        carry_out: |line, frame, now| lease(line, frame, "break", "DEVICE", now),
    },
    Row {
        name: "THRESHOLD",
        syntax: "THRESHOLD [AFTER=name] [DEVICE=name] (or NAME=name [DELETE=1]; or NAME=name DEVICE=name [FIELD=field] \
                 [MIN=number] [MAX=number] [HYSTERESIS=number] [DURATION=duration] [SEVERITY=severity] \
                 [ACTION=device:value] [RESOLVED_ACTION=device:value])",
        purpose: "names the thresholds; tells, deletes or sets one",
        carry_out: thresholds::threshold,
    },
    Row {
        name: "ALERTS",
        syntax: "ALERTS [AFTER=number] [DEVICE=name] (or ALERT=number)",
        purpose: "tells which alerts are open, or of one of them",
        carry_out: thresholds::alerts,
    },
    Row {
        name: "FAULT",
        syntax: "FAULT DEVICE=name FAULT=name [FOR=duration] [TIME=duration] [N=count] (or MEND=1 [DEVICE=name])",
        purpose: "makes simulated hardware go wrong, or mends it",
        carry_out: faults::fault,
    },
    Row {
        name: "STATUS",
        syntax: "STATUS",
        purpose: "tells how the gatekeeper is",
        carry_out: |line, _, now| Ok(Next::Reply(about::status(&line.shared, &line.principal, now))),
    },
    Row {
        name: "QUIT",
        syntax: "QUIT",
        purpose: "ends the connection when everything before is answered",
        carry_out: |line, _, _| {
            line.part("QUIT");
            line.leave(None);
            Ok(Next::Reply(Fields::new()))
        },
    },
];

/// The shortest keepalive interval.
const LEAST_KEEPALIVE: Duration = Duration::from_secs(1);
/// The most bytes of a variable or message.
const LONGEST_VALUE: usize = 1024;

/// Carries out the command of a frame, or says why not.
pub(super) fn carry_out(
    line: &mut LineConversation,
    frame: &Frame<'_>,
    now: Instant,
) -> Result<Next, Refusal> {
    let row = find(required(frame, "COMMAND")?)?;
    line.admits(row.name)?;
    (row.carry_out)(line, frame, now)
}

/// The row of a command.
pub(super) fn find(name: &str) -> Result<&'static Row, Refusal> {
    COMMANDS.iter().find(|row| row.name == name).ok_or_else(|| {
        let message = format!("no command is called \"{name:.32}\"; HELP tells which there are");
        Refusal::new(Code::UnknownCommand, message)
    })
}

/// What a refused command was about, and what it was, for the audit, where it takes no more room than others.
pub(super) fn deed(frame: &Frame<'_>) -> (String, String) {
    let device = match (frame.get("DEVICE"), frame.get("LINE")) {
        (Some(name), _) => format!("{name:.256}"),
        (None, Some(offset)) => format!("gpio/{offset:.16}"),
        (None, None) => String::new(),
    };
    let action = frame.get("ACTION").or(frame.get("COMMAND")).unwrap_or_default();
    (device, format!("{action:.64}"))
}

fn hello(line: &mut LineConversation, frame: &Frame<'_>, now: Instant) -> Result<Next, Refusal> {
    let client = match frame.get("CLIENT") {
        Some(client) => Some(
            ClientId::parse_chosen(client)
                .map_err(|error| Refusal::new(Code::BadValue, format!("CLIENT: {error}")))?,
        ),
        None => None,
    };
    let keepalive = match frame.get("KEEPALIVE") {
        Some(text) => keepalive(text, line.settings.keepalive_maximum)?,
        None => line.watchdog.interval(),
    };
    line.watchdog.set_interval(keepalive, now);
    let name = client.as_ref().unwrap_or(&line.principal.client);
    let fields: Fields = vec![
        ("SERVER", Cow::Borrowed("gpio-gatekeeper")),
        ("VERSION", Cow::Borrowed(about::VERSION)),
        ("PROTOCOL", Cow::Borrowed(about::PROTOCOL)),
        ("CLIENT", Cow::Owned(name.to_string())),
        ("KEEPALIVE", Cow::Owned(Span(keepalive).to_string())),
    ];
    let Some(client) = client else { return Ok(Next::Reply(fields)) };
    let renamed = Arc::new(Principal { client, ..Principal::clone(&line.principal) });
    let before = std::mem::replace(&mut line.principal, renamed);
    line.named = true;
    if line.membership.is_none() {
        return Ok(Next::Reply(fields));
    }
    let ticket = line.ask(frame, Then::Renamed(fields, before));
    if let Some(membership) = &line.membership {
        membership.rename(line.principal.clone(), ticket);
    }
    Ok(Next::Wait)
}

fn keepalive(text: &str, maximum: Duration) -> Result<Duration, Refusal> {
    let Span(keepalive) =
        text.parse().map_err(|error| Refusal::new(Code::BadValue, format!("KEEPALIVE: {error}")))?;
    if keepalive < LEAST_KEEPALIVE || keepalive > maximum {
        let message = format!("KEEPALIVE is from {} to {}", Span(LEAST_KEEPALIVE), Span(maximum));
        return Err(Refusal::new(Code::OutOfRange, message));
    }
    Ok(keepalive)
}

fn publish(line: &mut LineConversation, frame: &Frame<'_>, _now: Instant) -> Result<Next, Refusal> {
    let topic = variable(line, required(frame, "VAR")?)?;
    let value = value(frame)?;
    let retain = match frame.get("RETAIN") {
        None | Some("0") => false,
        Some("1") => true,
        Some(_) => return Err(Refusal::new(Code::BadValue, "RETAIN is 0 or 1")),
    };
    access::publish(&line.shared.topics, &line.principal, &topic)?;
    let message = message(line, topic, value, retain);
    let ticket = line.ask(frame, Then::Answer);
    line.shared.bus.publish(message, Some((line.outbox.clone(), ticket)));
    Ok(Next::Wait)
}

fn send(line: &mut LineConversation, frame: &Frame<'_>, _now: Instant) -> Result<Next, Refusal> {
    let to = ClientId::parse(required(frame, "TO")?)
        .map_err(|error| Refusal::new(Code::BadValue, format!("TO: {error}")))?;
    let value = value(frame)?;
    let topic = line.shared.topics.message(to.as_str());
    access::publish(&line.shared.topics, &line.principal, &topic)?;
    let message = message(line, topic, value, false);
    let ticket = line.ask(frame, Then::Answer);
    line.shared.bus.send(to, message, (line.outbox.clone(), ticket), None);
    Ok(Next::Wait)
}

fn value<'a>(frame: &'a Frame<'_>) -> Result<&'a str, Refusal> {
    let value = required(frame, "VALUE")?;
    if value.len() > LONGEST_VALUE {
        return Err(Refusal::new(Code::OutOfRange, "VALUE has at most 1024 bytes"));
    }
    Ok(value)
}

fn message(line: &LineConversation, topic: TopicName, value: &str, retain: bool) -> Message {
    let sender = Some(line.principal.client.clone());
    Message {
        sender,
        body: Body::Bytes(value.as_bytes().to_vec()),
        ..Message::own(topic, Vec::new(), retain)
    }
}

/// Has a command carried out, unless its time has passed by then.
fn drive(
    line: &mut LineConversation,
    frame: &Frame<'_>,
    command: Command,
    now: Instant,
) -> Result<Next, Refusal> {
    let expires = translate::expires(frame, Now::at(now))?;
    line.order(frame, Order::Command(command), expires, now)
}

/// An order about leases; each of its arguments is a key, and `subject` has to be there.
fn lease(
    line: &mut LineConversation,
    frame: &Frame<'_>,
    verb: &str,
    subject: &'static str,
    now: Instant,
) -> Result<Next, Refusal> {
    let named = match verb {
        "lease" => {
            &[("DEVICE", "devices"), ("TTL", "ttl"), ("WAIT", "wait"), ("CONNECTION", "connection")][..]
        }
        "break" => &[("DEVICE", "devices"), ("REASON", "reason")],
        _ => &[("TOKEN", "token")],
    };
    required(frame, subject)?;
    let given = |(key, name): &(&'static str, &'static str)| {
        frame.get(key).map(|value| ((*name).to_owned(), Datum::from(value)))
    };
    let arguments = Arguments { positional: Vec::new(), named: named.iter().filter_map(given).collect() };
    let order = LeaseOrder::parse(verb, None, &arguments)?;
    line.order(frame, Order::Lease(order), None, now)
}
