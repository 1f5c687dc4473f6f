//! Percent escapes in values: `%7C` for `|`, `%25` for `%`, and the control characters.

use std::borrow::Cow;

/// Whether `byte` can't stand in a value as itself.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'|' | b'%') || byte.is_ascii_control()
}

/// Appends `text` to `out`, with escapes where a value needs them.
pub(super) fn encode(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'%', hex_digit(rest[at] >> 4), hex_digit(rest[at] & 0x0F)]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// The text that `value` stands for, borrowed where it has no escapes, or what is wrong with it.
pub(super) fn decode(value: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    const NOT_UTF8: &str = "a value is not UTF-8";
    if !value.contains(&b'%') {
        return std::str::from_utf8(value).map(Cow::Borrowed).map_err(|_| NOT_UTF8);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let byte = match rest[at + 1..] {
            [high, low, ..] => hex_value(high).zip(hex_value(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.extend_from_slice(&rest[..at]);
        bytes.push(byte.ok_or("a % in a value is followed by two hexadecimal digits")?);
        rest = &rest[at + 3..];
    }
    bytes.extend_from_slice(rest);
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| NOT_UTF8)
}

/// The digit of a number below 16.
fn hex_digit(number: u8) -> u8 {
    match number {
        0..=9 => b'0' + number,
        _ => b'A' + (number - 10),
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ascii_character_survives() {
        let text: String = (0..=0x7Fu8).map(char::from).collect();
        let mut encoded = Vec::new();
        encode(&text, &mut encoded);
        assert!(!encoded.iter().any(|byte| *byte == b'|' || byte.is_ascii_control()));
        assert_eq!(decode(&encoded).as_deref(), Ok(text.as_str()));
    }

    #[test]
    fn a_value_without_escapes_is_borrowed() {
        assert!(matches!(decode("gr\u{fc}n".as_bytes()), Ok(Cow::Borrowed("gr\u{fc}n"))));
    }

    #[test]
    fn bad_escapes_are_refused() {
        for bad in ["%", "a%", "%4", "%4|", "%G0", "%0g", "%%41", "%C3", "%FF"] {
            assert!(decode(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(decode(b"%c3%BC%00").as_deref(), Ok("\u{fc}\0"));
    }
}
