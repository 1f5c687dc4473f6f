//! Reads an object into a struct again and again, until everything that is wrong with it is known.
//!
//! Serde stops at the first mistake.  So an attempt that ends in one is followed by another that leaves the
//! wrong entry out, or that fills a missing one with a placeholder; what an attempt with a placeholder
//! brings is thrown away.

use std::cell::Cell;
use std::fmt;

use serde::de::value::{StrDeserializer, U8Deserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::{Entry, Mistake, Mistakes, Settings, joined, value, wording};

/// See [`Settings::read`].
pub(super) fn read<T: DeserializeOwned>(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<T> {
    let mut keys = Keys::default();
    let read = keys.read(settings, mistakes);
    keys.check(settings, mistakes);
    read
}

/// See [`Settings::read_both`].
pub(super) fn read_both<T: DeserializeOwned, U: DeserializeOwned>(
    settings: &Settings<'_>,
    mistakes: &mut Mistakes,
) -> Option<(T, U)> {
    let mut keys = Keys::default();
    let (first, second) = (keys.read(settings, mistakes), keys.read(settings, mistakes));
    keys.check(settings, mistakes);
    Some((first?, second?))
}

/// What is known of an object's keys when structs were read from it.
#[derive(Default)]
struct Keys<'s> {
    /// Those that the structs have, once one has said so.
    known: Option<Vec<&'static str>>,
    /// Those without a default that were not found.
    missing: Vec<&'static str>,
    /// Those whose values are wrong.
    left_out: Vec<&'s str>,
}

impl<'s> Keys<'s> {
    fn read<T: DeserializeOwned>(
        &mut self,
        settings: &'s Settings<'_>,
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        let mut left_out: Vec<&str> = Vec::new();
        let mut missing: Vec<&'static str> = Vec::new();
        let fields = Cell::new(None);
        let read = loop {
            let attempt = Attempt { settings, left_out: &left_out, missing: &missing, fields: &fields };
            match T::deserialize(attempt) {
                Ok(value) => break Some(value).filter(|_| missing.is_empty()),
                Err(Failure::Entry { index, mistake }) => {
                    left_out.push(&settings.entries[index].key);
                    // The configuration reports keys that are given twice for all objects.
                    if !mistake.message.starts_with("duplicate field ") {
                        mistakes.found.push(mistake);
                    }
                }
                Err(Failure::Missing(field)) if !missing.contains(&field) => missing.push(field),
                Err(Failure::Missing(_) | Failure::Placeholder) => break None,
                Err(Failure::Other(message)) => {
                    mistakes.found.push(Mistake {
                        offset: settings.offset,
                        path: settings.path.clone(),
                        message,
                    });
                    break None;
                }
            }
        };
        if let Some(fields) = fields.get() {
            self.known.get_or_insert_with(Vec::new).extend(fields);
        }
        self.left_out.append(&mut left_out);
        self.missing.append(&mut missing);
        read
    }

    /// Adds a mistake for every key that none of the structs has, and one for those that are missing.
    fn check(mut self, settings: &Settings<'_>, mistakes: &mut Mistakes) {
        // Whoever wrote `lnie` has forgotten no `line`.
        let meant = match &self.known {
            Some(known) => settings.refuse_unknown(known, mistakes),
            None => Vec::new(),
        };
        self.missing.retain(|field| !self.left_out.contains(field) && !meant.contains(field));
        if !self.missing.is_empty() {
            let verb = if self.missing.len() == 1 { "has" } else { "have" };
            let message = format!("missing {}, which {verb} no default", wording::all(&self.missing));
            mistakes.found.push(Mistake { offset: settings.offset, path: settings.path.clone(), message });
        }
    }
}

/// One attempt to read the object.
struct Attempt<'s, 'a> {
    settings: &'s Settings<'a>,
    left_out: &'s [&'s str],
    missing: &'s [&'static str],
    /// The keys that the struct has, once it has said so.
    fields: &'s Cell<Option<&'static [&'static str]>>,
}

/// Why an attempt failed.
#[derive(Debug)]
enum Failure {
    Entry { index: usize, mistake: Mistake },
    Missing(&'static str),
    Placeholder,
    Other(String),
}

impl<'de> de::Deserializer<'de> for Attempt<'_, 'de> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_map(Walk { attempt: self, next: 0, placeholders: 0, value: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.fields.set(Some(fields));
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Hands out the entries of an attempt, then its placeholders.
struct Walk<'s, 'a> {
    attempt: Attempt<'s, 'a>,
    next: usize,
    placeholders: usize,
    /// The entry whose key was handed out last; a placeholder has none.
    value: Option<usize>,
}

impl<'a> MapAccess<'a> for Walk<'_, 'a> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        let Attempt { settings, left_out, missing, fields } = self.attempt;
        let taken = |entry: &Entry<'_>| {
            let known = fields.get().is_none_or(|fields| fields.contains(&entry.key.as_str()));
            known && !left_out.contains(&entry.key.as_str())
        };
        while let Some(entry) = settings.entries.get(self.next) {
            self.value = Some(self.next);
            self.next += 1;
            if taken(entry) {
                return seed.deserialize(named(&entry.key)).map(Some);
            }
        }
        self.value = None;
        self.placeholders += 1;
        match missing.get(self.placeholders - 1) {
            Some(field) => seed.deserialize(named(field)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let settings = self.attempt.settings;
        let Some((index, entry)) = self.value.and_then(|index| Some((index, settings.entries.get(index)?)))
        else {
            return seed.deserialize(Placeholder).map_err(|_| Failure::Placeholder);
        };
        value::read(seed, entry.value, joined(&settings.path, &entry.key)).map_err(|wrong| {
            let offset = settings.offset_of(wrong.value);
            Failure::Entry { index, mistake: Mistake { offset, path: wrong.path, message: wrong.message } }
        })
    }
}

fn named(key: &str) -> StrDeserializer<'_, Failure> {
    key.into_deserializer()
}

/// Something that most types accept: it stands for a missing value while the rest is looked at.
struct Placeholder;

impl<'de> de::Deserializer<'de> for Placeholder {
    type Error = Failure;

    /// The text is good as a name and as a duration.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_str("1s")
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_bool(false)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        U8Deserializer::new(1).deserialize_any(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_u8(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_u8(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_u8(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_u8(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        de::value::SeqDeserializer::new(std::iter::empty::<u8>()).deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_enum(named(variants.first().copied().unwrap_or_default()))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 char str string bytes byte_buf option unit unit_struct tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Failure {
        Failure::Other(message.to_string())
    }

    fn missing_field(field: &'static str) -> Failure {
        Failure::Missing(field)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Entry { mistake, .. } => f.write_str(&mistake.message),
            Failure::Missing(field) => write!(f, "missing `{field}`"),
            Failure::Placeholder => f.write_str("missing"),
            Failure::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Wiring {
        line: u8,
    }

    #[derive(Debug, Deserialize)]
    struct Limits {
        max_on: Option<u8>,
    }

    fn both(document: &str) -> (Option<(u8, Option<u8>)>, Vec<String>) {
        let mut mistakes = Mistakes::default();
        let settings = Settings::of_document(document, &mut mistakes).expect("an object");
        let read = read_both::<Wiring, Limits>(&settings, &mut mistakes);
        let messages = mistakes.found.into_iter().map(|mistake| mistake.message).collect();
        (read.map(|(wiring, limits)| (wiring.line, limits.max_on)), messages)
    }

    #[test]
    fn two_structs_share_the_keys_of_an_object() {
        assert_eq!(both(r#"{"max_on": 5, "line": 17}"#), (Some((17, Some(5))), Vec::new()));
        let (read, mistakes) = both(r#"{"max_on": "x", "colour": 1}"#);
        assert!(read.is_none());
        assert_eq!(
            mistakes,
            [
                "expected a whole number that is not negative, found \"x\"",
                "unknown key `colour`, expected `line` or `max_on`",
                "missing `line`, which has no default",
            ]
        );
    }
}
