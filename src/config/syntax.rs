//! The first look at the whole document: is it JSON, and is no key given twice.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::report::Places;
use crate::domain::{Mistake, Mistakes, join_path};

/// Whether `document` can be read; a key that is given twice is a mistake but can be read.
pub(super) fn check(document: &str, places: &Places<'_>, mistakes: &mut Mistakes) -> bool {
    let mut json = serde_json::Deserializer::from_str(document);
    let seed = Check { document, places, path: String::new(), mistakes };
    match seed.deserialize(&mut json).and_then(|()| json.end()) {
        Ok(()) => true,
        Err(error) => {
            mistakes.found.push(explained(document, places, &error));
            false
        }
    }
}

/// Visits a value and everything in it.
struct Check<'c> {
    document: &'c str,
    places: &'c Places<'c>,
    path: String,
    mistakes: &'c mut Mistakes,
}

impl Check<'_> {
    fn inner(&mut self, path: String) -> Check<'_> {
        Check { document: self.document, places: self.places, path, mistakes: self.mistakes }
    }
}

impl<'de> DeserializeSeed<'de> for Check<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Check<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        while let Some(raw) = map.next_key::<&RawValue>()? {
            let key: String = serde_json::from_str(raw.get()).map_err(serde::de::Error::custom)?;
            let offset = (raw.get().as_ptr() as usize).saturating_sub(self.document.as_ptr() as usize);
            let path = join_path(&self.path, &key);
            match seen.get(&key) {
                Some(first) => {
                    let (line, column) = self.places.of(*first);
                    let message =
                        format!("given twice: keep this one or the first, which is at {line}:{column}");
                    self.mistakes.found.push(Mistake { offset, path: path.clone(), message });
                }
                None => {
                    seen.insert(key, offset);
                }
            }
            map.next_value_seed(self.inner(path))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            let path = format!("{}[{index}]", self.path);
            if list.next_element_seed(self.inner(path))?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A syntax error at its place, in words that say what to write.
fn explained(document: &str, places: &Places<'_>, error: &serde_json::Error) -> Mistake {
    let mistake =
        |offset, message: &str| Mistake { offset, path: String::new(), message: message.to_owned() };
    if error.is_eof() {
        if document.trim().is_empty() {
            return mistake(0, "the file is empty: write at least {}");
        }
        return match unclosed(document) {
            Some((offset, '{')) => mistake(offset, "this `{` is not closed: a `}` is missing"),
            Some((offset, _)) => mistake(offset, "this `[` is not closed: a `]` is missing"),
            None => mistake(document.trim_end().len(), "the file ends inside of a value"),
        };
    }
    // The column is that of the last byte that was looked at; a line break is the end of its line.
    let offset = (places.start_of(error.line()) + error.column()).saturating_sub(1);
    let found = document.get(offset..).and_then(|rest| rest.chars().next());
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    let message = match (text, found) {
        (_, Some('#')) => "a comment begins with // or /*",
        (_, Some('\'')) => "a string stands in double quotes, such as \"GPIO17\"",
        ("key must be a string", _) => "expected a key in double quotes, such as \"line\"",
        ("expected value" | "expected ident", _) => {
            "expected a value: an object, a list, a string in double quotes, a number, true, false or null"
        }
        ("expected `,` or `}`" | "expected `,` or `]`", Some('"')) => "a comma is missing before this",
        ("trailing comma", _) => "a comma is too many before this",
        ("trailing characters", _) => "expected the end of the file after the object",
        ("recursion limit exceeded", _) => "nested too deeply: no setting is more than 127 levels deep",
        ("invalid number", _) => "a number is written like 5, -5, 0.5 or 1e3",
        ("number out of range", _) => "this number is too large",
        ("invalid escape", _) => "unknown escape in a string: a backslash itself is written \\\\",
        (text, _) if text.starts_with("control character") => {
            "a control character in a string is written as an escape, such as \\t or \\u0007"
        }
        (text, _) if text.contains("hex escape") || text.contains("surrogate") => {
            "a \\u escape has four hexadecimal digits, and a character beyond \\uffff has two of them"
        }
        (text, _) => text,
    };
    mistake(offset, message)
}

/// The innermost bracket that is open at the end of `document`.
fn unclosed(document: &str) -> Option<(usize, char)> {
    let mut open = Vec::new();
    let (mut in_string, mut escaped) = (false, false);
    for (offset, c) in document.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '{' | '[' if !in_string => open.push((offset, c)),
            '}' | ']' if !in_string => drop(open.pop()),
            _ => {}
        }
    }
    open.pop()
}
