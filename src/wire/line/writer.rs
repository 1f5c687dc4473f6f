//! Writes frames.

use std::fmt;

use super::{START, escape, frame};

/// Writes one frame at the end of a buffer:
///
/// ```
/// use gpio_gatekeeper::wire::line::FrameWriter;
///
/// let mut out = Vec::new();
/// FrameWriter::begin(&mut out).field("REPLY", "OK").field_display("COUNT", 5).end();
/// assert_eq!(out, b"|START|REPLY=OK|COUNT=5|END|\n");
/// ```
#[derive(Debug)]
#[must_use = "a frame without end() is not finished"]
pub struct FrameWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> FrameWriter<'a> {
    /// Writes the beginning.
    pub fn begin(out: &'a mut Vec<u8>) -> FrameWriter<'a> {
        out.extend_from_slice(START);
        FrameWriter { out }
    }

    /// Adds a field.  The key is a name of the program's own, never input; it is written in upper case.
    pub fn field(mut self, key: &'static str, value: &str) -> FrameWriter<'a> {
        self.key(key);
        escape::encode(value, self.out);
        self.out.push(b'|');
        self
    }

    /// Adds a field whose key somebody else has chosen; nothing where that is no key.
    pub fn chosen_field(self, key: &str, value: &str) -> Option<FrameWriter<'a>> {
        if !frame::is_key(key) {
            return None;
        }
        self.out.extend_from_slice(key.as_bytes());
        self.out.push(b'=');
        escape::encode(value, self.out);
        self.out.push(b'|');
        Some(self)
    }

    /// Adds a field whose value is written as it is displayed.
    pub fn field_display(mut self, key: &'static str, value: impl fmt::Display) -> FrameWriter<'a> {
        self.key(key);
        // Writing into memory does not fail; what a Display wrote before it failed by itself stands.
        let _ = fmt::write(&mut Escaped(self.out), format_args!("{value}"));
        self.out.push(b'|');
        self
    }

    /// Adds a field whose value `write` appends: digits and the like, in which nothing needs an escape.
    pub fn field_plain(mut self, key: &'static str, write: impl FnOnce(&mut Vec<u8>)) -> FrameWriter<'a> {
        self.key(key);
        write(self.out);
        self.out.push(b'|');
        self
    }

    /// Adds a field if there is a value for it.
    pub fn optional(self, key: &'static str, value: Option<&str>) -> FrameWriter<'a> {
        match value {
            Some(value) => self.field(key, value),
            None => self,
        }
    }

    /// Writes the end, and a line feed for people.
    pub fn end(self) {
        self.out.extend_from_slice(b"END|\n");
    }

    fn key(&mut self, key: &'static str) {
        debug_assert!(frame::is_key(&key.to_ascii_uppercase()), "{key:?} is no key");
        self.out.extend(key.bytes().map(|byte| byte.to_ascii_uppercase()));
        self.out.push(b'=');
    }
}

/// Escapes what is written into it.
struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape::encode(text, self.0);
        Ok(())
    }
}
