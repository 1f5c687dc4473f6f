//! Who holds what, the audit and the log as frames.

use std::fmt::Display;

use super::about::LONGEST_FRAME;
use crate::domain::{Audit, DeviceName, Identity, Tenancy};
use crate::gateway::LogRecord;
use crate::wire::line::FrameWriter;

/// What a text of an entry of the audit takes of its frame at most, in bytes with escapes: that leaves room for names.
const ROOM: usize = 640;
/// The same for what was done, which is a whole command.
const LONGEST_ACTION: usize = 1024;
/// The same for what a record of the log says.
const LONGEST_RECORD: usize = LONGEST_FRAME - 1024;

/// Writes who has the sole right to write a device; nobody where there is no `HOLDER`.
pub(super) fn lease(
    out: &mut Vec<u8>,
    device: &DeviceName,
    tenancy: Option<&Tenancy>,
    retained: Option<&str>,
) {
    let mut frame = FrameWriter::begin(out).field("EVENT", "LEASE").field("DEVICE", device.as_str());
    if let Some(Tenancy { holder, since, expires }) = tenancy {
        frame = frame
            .field("HOLDER", holder.client.as_str())
            .optional("USER", holder.user.as_ref().map(|user| user.as_str()))
            .field_display("SINCE", since)
            .field_display("EXPIRES", expires);
    }
    frame.optional("RETAINED", retained).end();
}

/// Writes a record of the log.
pub(super) fn log(out: &mut Vec<u8>, LogRecord { timestamp, level, target, message }: &LogRecord) {
    let frame = FrameWriter::begin(out).field("EVENT", "LOG").field("LEVEL", level);
    Cutting { frame, was_cut: false }
        .text("TARGET", Some(target), ROOM)
        .text("MESSAGE", Some(message), LONGEST_RECORD)
        .shown("TIME", Some(timestamp))
        .end();
}

/// Writes an entry of the audit.
pub(super) fn audit(out: &mut Vec<u8>, audit: &Audit) {
    let Identity { client, user, address, protocol, certificate } = audit.who.identity();
    let device = Some(audit.deed.device()).filter(|device| !device.is_empty());
    let (code, message) = audit.refused.as_ref().map(|(code, message)| (code.as_str(), message)).unzip();
    let frame = FrameWriter::begin(out).field("EVENT", "AUDIT");
    Cutting { frame, was_cut: false }
        .shown("TIME", Some(audit.timestamp))
        .shown("CLIENT", client)
        .shown("USER", user)
        .shown("ADDRESS", address)
        .shown("PROTOCOL", protocol)
        .text("CERTIFICATE", certificate, ROOM)
        .text("DEVICE", device.as_ref(), ROOM)
        .text("ACTION", Some(&audit.deed.action()), LONGEST_ACTION)
        .shown("TOKEN", audit.token)
        .shown("STATUS", Some(if code.is_none() { "success" } else { "error" }))
        .shown("CODE", code)
        .text("MESSAGE", message, ROOM)
        .shown("OLD", audit.old)
        .shown("NEW", audit.new)
        .end();
}

/// A frame whose texts may be too long for it: then it says that something was cut.
struct Cutting<'a> {
    frame: FrameWriter<'a>,
    was_cut: bool,
}

impl<'a> Cutting<'a> {
    fn shown(self, key: &'static str, value: Option<impl Display>) -> Cutting<'a> {
        match value {
            Some(value) => Cutting { frame: self.frame.field_display(key, value), ..self },
            None => self,
        }
    }

    fn text(self, key: &'static str, text: Option<&String>, room: usize) -> Cutting<'a> {
        let Some(text) = text else { return self };
        let fits = beginning(text, room);
        Cutting { frame: self.frame.field(key, fits), was_cut: self.was_cut || fits.len() < text.len() }
    }

    fn end(self) {
        self.frame.optional("CUT", self.was_cut.then_some("1")).end();
    }
}

/// As much of a text, from its beginning, as takes so many bytes with escapes.
fn beginning(text: &str, room: usize) -> &str {
    let mut left = room;
    let too_much = text.char_indices().find(|(_, character)| {
        // An escape has three bytes.
        let special = matches!(character, '|' | '%') || character.is_ascii_control();
        let needed = if special { 3 } else { character.len_utf8() };
        let fits = needed <= left;
        left = left.saturating_sub(needed);
        !fits
    });
    too_much.map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_a_character_ends() {
        for (text, room, fits) in
            [("abc", 3, "abc"), ("abcd", 3, "abc"), ("a|b", 3, "a"), ("aü", 2, "a"), ("", 0, "")]
        {
            assert_eq!(beginning(text, room), fits, "{text} {room}");
        }
    }
}
