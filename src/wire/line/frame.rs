//! One complete frame, read into its fields.

use std::borrow::Cow;
use std::fmt;

use super::{BAR, END, START, escape};

/// The fields of a frame, in the order in which they stand in it.  Each key is there once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<'a> {
    fields: Vec<(&'a str, Cow<'a, str>)>,
}

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong, for people.
    pub what: &'static str,
    /// The `ID` of the request where it could be read all the same, so that the answer can carry it.
    pub id: Option<String>,
}

/// The most fields of a frame: keeps the search for a key, which looks at each, short.
const MAXIMUM_FIELDS: usize = 64;

impl<'a> Frame<'a> {
    /// Reads the bytes from `|START|` up to and with `|END|`.  Values without escapes are not copied.
    pub fn parse(bytes: &'a [u8]) -> Result<Frame<'a>, Malformed> {
        Frame::read(bytes).map_err(|what| Malformed::new(what, bytes))
    }

    fn read(bytes: &'a [u8]) -> Result<Frame<'a>, &'static str> {
        let after_start = bytes.strip_prefix(START).ok_or("a frame begins with |START|")?;
        let before_end = after_start.strip_suffix(b"END|").ok_or("a frame ends with |END|")?;
        if before_end.is_empty() {
            return Err("a frame has at least one field");
        }
        let body = before_end.strip_suffix(b"|").ok_or("a frame ends with |END|")?;
        let mut fields: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(8);
        for field in body.split(|byte| *byte == BAR) {
            let (key, value) = read_field(field)?;
            if fields.iter().any(|(other, _)| *other == key) {
                return Err("a key stands twice in the frame");
            }
            if fields.len() == MAXIMUM_FIELDS {
                return Err("a frame has at most 64 fields");
            }
            fields.push((key, value));
        }
        Ok(Frame { fields })
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| *other == key).map(|(_, value)| value.as_ref())
    }

    /// Every key with its value, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(key, value)| (*key, value.as_ref()))
    }
}

fn read_field(field: &[u8]) -> Result<(&str, Cow<'_, str>), &'static str> {
    if field.is_empty() {
        return Err("a field is empty");
    }
    let equals = field.iter().position(|byte| *byte == b'=').ok_or("a field has no '='")?;
    let (key, value) = (&field[..equals], &field[equals + 1..]);
    let key = std::str::from_utf8(key)
        .ok()
        .filter(|key| is_key(key))
        .ok_or("a key is upper case: a letter A-Z first, then letters, digits and '_'")?;
    if value.iter().any(u8::is_ascii_control) {
        return Err("a control character in a value is written as %XX");
    }
    Ok((key, escape::decode(value)?))
}

/// Whether `text` is a key: `[A-Z][A-Z0-9_]*`.
pub(super) fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
}

impl Malformed {
    /// Takes the `ID` out of `bytes`, which are a frame or the beginning of one.
    pub(super) fn new(what: &'static str, bytes: &[u8]) -> Malformed {
        Malformed { what, id: find_id(bytes) }
    }
}

/// The value of the first `ID` in a frame that as a whole can't be read.
pub(super) fn find_id(bytes: &[u8]) -> Option<String> {
    let mut fields = bytes.split(|byte| *byte == BAR).take_while(|field| *field != END);
    let value = fields.find_map(|field| field.strip_prefix(b"ID="))?;
    escape::decode(value).ok().map(Cow::into_owned)
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_frame_is_borrowed() {
        let frame = Frame::parse(b"|START|COMMAND=SET|VALUE=a=b|END|").expect("valid");
        assert!(frame.fields.iter().all(|(_, value)| matches!(value, Cow::Borrowed(_))));
        assert_eq!(frame.get("VALUE"), Some("a=b"));
        assert_eq!(frame.get("DEVICE"), None);
    }

    #[test]
    fn the_id_of_a_malformed_frame_is_found() {
        let id = |bytes| Frame::parse(bytes).expect_err("malformed").id;
        assert_eq!(id(b"|START|ID=a%7Cb|WHAT|END|").as_deref(), Some("a|b"));
        assert_eq!(id(b"|START|WHAT|END|"), None);
        assert_eq!(id(b"|START|ID=%|END|"), None);
        assert_eq!(id(b"|START|GRID=1|WHAT|END|"), None);
    }

    #[test]
    fn a_frame_has_a_bounded_number_of_fields() {
        let frame = |count: usize| {
            let fields: String = (0..count).map(|n| format!("K{n}=|")).collect();
            format!("|START|{fields}END|")
        };
        assert!(Frame::parse(frame(MAXIMUM_FIELDS).as_bytes()).is_ok());
        assert!(Frame::parse(frame(MAXIMUM_FIELDS + 1).as_bytes()).is_err());
    }
}
