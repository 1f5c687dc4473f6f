//! What `HELP`, `LIST`, `DESCRIBE` and `STATUS` tell: nothing that anybody has to be asked for.

use std::borrow::Cow;
use std::time::Instant;

use nix::time::{ClockId, clock_gettime};

use super::commands::{self, COMMANDS};
use super::translate::{self, Fields};
use crate::domain::{Code, Datum, Entry, Model, Principal, Refusal, Registry, Target};
use crate::gateway::Shared;
use crate::wire::line::Frame;

/// The version of the program.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The version of `protocol.md`.
pub(super) const PROTOCOL: &str = "1";

/// No frame of the gatekeeper is longer, so that clients know what to expect.
pub(super) const LONGEST_FRAME: usize = 4096;
/// What a reply to `LIST` has beside the names of the devices, at most: two numbers, a name and the keys.
pub(super) const AROUND_NAMES: usize = 160;

/// All commands, or one.
pub(super) fn help(frame: &Frame<'_>) -> Result<Fields, Refusal> {
    Ok(match frame.get("OF") {
        None => vec![("COMMANDS", Cow::Owned(join(COMMANDS.iter().map(|row| row.name))))],
        Some(name) => {
            let row = commands::find(name)?;
            vec![
                ("COMMAND", Cow::Borrowed(row.name)),
                ("SYNTAX", Cow::Borrowed(row.syntax)),
                ("PURPOSE", Cow::Borrowed(row.purpose)),
            ]
        }
    })
}

/// The names of the devices, as many as fit into a frame.
pub(super) fn list(registry: &Registry, maximum_frame: usize, frame: &Frame<'_>) -> Result<Fields, Refusal> {
    let devices = &registry.devices;
    let first = match frame.get("AFTER") {
        None => 0,
        Some(name) => match devices.iter().position(|entry| entry.name.as_str() == name) {
            Some(place) => place + 1,
            None => return Err(unknown(name)),
        },
    };
    let longest = maximum_frame.min(LONGEST_FRAME).saturating_sub(AROUND_NAMES);
    let mut names = String::new();
    let mut next = None;
    for (place, entry) in devices.iter().enumerate().skip(first) {
        let name = entry.name.as_str();
        if place > first {
            if names.len() + 1 + name.len() > longest {
                next = Some(devices[place - 1].name.to_string());
                break;
            }
            names.push(',');
        }
        names.push_str(name);
    }
    let mut fields: Fields =
        vec![("COUNT", Cow::Owned(devices.len().to_string())), ("DEVICES", Cow::Owned(names))];
    fields.extend(next.map(|name| ("NEXT", Cow::Owned(name))));
    Ok(fields)
}

/// What a device is and can do.
pub(super) fn describe(registry: &Registry, frame: &Frame<'_>) -> Result<Fields, Refusal> {
    let entry = match translate::target(registry, frame)? {
        Target::Device(name) => device(registry, name.as_str())?,
        Target::Line(offset) => registry.on_line(offset).ok_or_else(|| {
            Refusal::new(Code::UnknownDevice, format!("not exactly one device is on line {offset}"))
        })?,
    };
    let lines = join(entry.lines.iter().map(|(role, chip, offset)| format!("{role}={chip}:{offset}")));
    let (minimum, maximum) = entry.range;
    let mut fields: Fields = vec![
        ("DEVICE", Cow::Owned(entry.name.to_string())),
        ("KIND", Cow::Borrowed(entry.kind)),
        ("SUMMARY", Cow::Borrowed(entry.summary)),
        ("LINES", Cow::Owned(lines)),
    ];
    if !entry.channels.is_empty() {
        let channels = join(entry.channels.iter().map(|(role, address)| format!("{role}={address}")));
        fields.push(("CHANNELS", Cow::Owned(channels)));
    }
    fields.extend([
        ("ACTIONS", Cow::Owned(join(entry.actions.iter().map(|action| action.name)))),
        ("MIN", Cow::Owned(minimum.to_string())),
        ("MAX", Cow::Owned(maximum.to_string())),
    ]);
    fields.extend(entry.unit.map(|unit| ("UNIT", Cow::Borrowed(unit))));
    if !entry.values.is_empty() {
        let values = join(entry.values.iter().map(|(name, unit)| format!("{name}={unit}")));
        fields.push(("VALUES", Cow::Owned(values)));
    }
    fields.extend(entry.safety.iter().map(|(when, what)| match what {
        Datum::Bool(is_so) => (*when, flag(*is_so)),
        what => (*when, Cow::Owned(what.to_string())),
    }));
    fields.push(("SIMULATED", flag(registry.simulated)));
    Ok(fields)
}

/// How the gatekeeper is.
pub(super) fn status(shared: &Shared, principal: &Principal, now: Instant) -> Fields {
    let uptime = now.saturating_duration_since(shared.started).as_secs();
    let mut fields: Fields = vec![
        ("VERSION", Cow::Borrowed(VERSION)),
        ("BACKEND", Cow::Borrowed(shared.registry.backend)),
        ("SIMULATED", flag(shared.registry.simulated)),
        ("UPTIME", Cow::Owned(format!("{uptime}s"))),
        ("CLIENTS", Cow::Owned(shared.admission.count().to_string())),
        ("DEVICES", Cow::Owned(shared.registry.devices.len().to_string())),
    ];
    fields.extend(clock_ns().map(|ns| ("CLOCK_NS", Cow::Owned(ns.to_string()))));
    let Model { name, revision } = &shared.registry.model;
    fields.extend(name.as_ref().map(|name| ("BOARD", Cow::Owned(name.clone()))));
    fields.extend(revision.map(|revision| ("REVISION", Cow::Owned(format!("{revision:x}")))));
    // Where there are no users, nobody has a role.
    if shared.entrance.verifier().is_some() {
        fields.extend(principal.user().map(|user| ("USER", Cow::Owned(user.to_string()))));
        fields.push(("ROLE", Cow::Borrowed(principal.account.role.as_str())));
    }
    fields
}

/// The clock that edges are stamped with, in nanoseconds.
fn clock_ns() -> Option<u64> {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).ok()?;
    Some(u64::try_from(time.tv_sec()).ok()? * 1_000_000_000 + u64::try_from(time.tv_nsec()).ok()?)
}

/// The device of this name.
pub(super) fn device<'a>(registry: &'a Registry, name: &str) -> Result<&'a Entry, Refusal> {
    registry.find(name).ok_or_else(|| unknown(name))
}

/// The refusal of a name that no device has.
pub(super) fn unknown(name: &str) -> Refusal {
    Refusal::new(Code::UnknownDevice, format!("no device is called {name:.64}; LIST tells which there are"))
}

fn flag(flag: bool) -> Cow<'static, str> {
    Cow::Borrowed(if flag { "1" } else { "0" })
}

fn join(parts: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut joined = String::new();
    for part in parts {
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(part.as_ref());
    }
    joined
}
