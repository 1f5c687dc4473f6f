//! Settings: one object of the configuration whose values know where they stand in the file.
//!
//! A kind of device reads its own settings from one (`Settings::read`) and adds what it finds wrong to
//! [`Mistakes`]; the configuration turns their offsets into lines and columns.

mod reader;
mod value;
mod wording;

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{DeviceName, LineAddress, PartAddress, PwmAddress};
pub(crate) use wording::unknown;
use wording::{nearest, shown};

/// What a configured device says of the lines it will take.
pub trait Wired {
    /// The role of each line (`line`, `forward`, ...) and where it is.
    ///
    /// The role is the key of the setting that names the line, so that a mistake can point at it.
    fn lines(&self) -> Vec<(&'static str, LineAddress)>;

    /// The role of each PWM channel of the kernel that it will take, and where that is.
    fn channels(&self) -> Vec<(&'static str, PwmAddress)> {
        Vec::new()
    }

    /// Whether it can be switched on and off.
    fn is_output(&self) -> bool {
        true
    }

    /// What its states are called, where it knows that before it is built; `fault` is one of every device.
    fn states(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// The numbers that its states have beside `value`, where it knows them before it is built.
    fn numbers(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// The part that it takes on a bus of sensors, and the key of the setting that says where.
    fn part(&self) -> Option<(&'static str, PartAddress)> {
        None
    }

    /// The outputs whose states it watches, each under the key of the setting that names it.
    fn watches(&self) -> Vec<(&'static str, DeviceName)> {
        Vec::new()
    }
}

impl<W: Wired + ?Sized> Wired for Box<W> {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        (**self).lines()
    }

    fn channels(&self) -> Vec<(&'static str, PwmAddress)> {
        (**self).channels()
    }

    fn is_output(&self) -> bool {
        (**self).is_output()
    }

    fn states(&self) -> Option<&'static [&'static str]> {
        (**self).states()
    }

    fn part(&self) -> Option<(&'static str, PartAddress)> {
        (**self).part()
    }

    fn watches(&self) -> Vec<(&'static str, DeviceName)> {
        (**self).watches()
    }

    fn numbers(&self) -> Option<&'static [&'static str]> {
        (**self).numbers()
    }
}

/// How the configuration knows a kind of device: by its name, and by what reads its settings.
pub struct KindReader<B> {
    /// The kind's name, such as `led`: a good device name, because the example calls its device so.
    pub name: &'static str,
    /// Its settings as a commented example.
    ///
    /// What stands between the braces of the settings object, in the language of the configuration file: one
    /// setting on a line, each with a comment that says its meaning, range and default, and without
    /// indentation of its own.  No two kinds name the same line, because the example of the whole
    /// configuration has one device of each kind and must be a good one.
    ///
    /// ```text
    /// "line": "GPIO17",      // by name, or by offset: 17
    /// "active_low": false,   // true: a low level means on
    /// ```
    pub example: &'static str,
    /// The smallest and the largest number that its action `set` takes; nothing where it has no such action.
    pub settable: Option<(f64, f64)>,
    /// Reads them; without a result there is at least one mistake more than before.
    pub read: fn(&Settings<'_>, &mut Mistakes) -> Option<B>,
}

/// What is wrong with a configuration.
#[derive(Debug, Default)]
pub struct Mistakes {
    /// In the order in which they were found.
    pub found: Vec<Mistake>,
}

/// One mistake in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where, in bytes from the beginning of the file.
    pub offset: usize,
    /// The path to it, such as `devices.lamp.led.line`.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// One object of the configuration.
pub struct Settings<'a> {
    document: &'a str,
    offset: usize,
    path: String,
    entries: Vec<Entry<'a>>,
}

/// One key of an object, with its value.
struct Entry<'a> {
    key: String,
    key_offset: usize,
    value: &'a RawValue,
}

impl<'a> Settings<'a> {
    /// The object that is the whole of `document`, which is JSON without comments.
    pub fn of_document(document: &'a str, mistakes: &mut Mistakes) -> Option<Settings<'a>> {
        match serde_json::from_str::<&RawValue>(document) {
            Ok(value) => Settings::of_value(document, value, String::new(), "an object", mistakes),
            Err(error) => {
                let message = wording::plain(&error);
                mistakes.found.push(Mistake { offset: 0, path: String::new(), message });
                None
            }
        }
    }

    /// The object under `key`.  Where the key was not given the result has no entries, and where its value is
    /// something else there is a mistake that asks for `form`, such as `an object with the limits`.
    pub fn object(&self, key: &str, form: &str, mistakes: &mut Mistakes) -> Settings<'a> {
        let path = joined(&self.path, key);
        let (offset, found) = match self.entry(key) {
            Some(entry) => (
                self.offset_of(entry.value),
                Settings::of_value(self.document, entry.value, path.clone(), form, mistakes),
            ),
            None => (self.offset, None),
        };
        found.unwrap_or(Settings { document: self.document, offset, path, entries: Vec::new() })
    }

    /// Reads the object into `T`, a struct with named fields and without `flatten`.
    ///
    /// Every wrong entry, unknown key and missing key is a mistake of its own.  An entry of the wrong type is
    /// left out: where `T` has a default for it the result is there all the same, so that the caller can go on
    /// looking for mistakes.  A check that concerns one field only belongs in the type of that field, because
    /// then it is made even where another one is missing.
    pub fn read<T: DeserializeOwned>(&self, mistakes: &mut Mistakes) -> Option<T> {
        reader::read(self, mistakes)
    }

    /// Reads the object into two structs, each of which has keys of its own; see [`Settings::read`].
    pub fn read_both<T: DeserializeOwned, U: DeserializeOwned>(
        &self,
        mistakes: &mut Mistakes,
    ) -> Option<(T, U)> {
        reader::read_both(self, mistakes)
    }

    /// Adds a mistake about the value of `key`, or about the whole object where the key was not given.
    pub fn mistake(&self, key: &str, message: impl Into<String>, mistakes: &mut Mistakes) {
        let (offset, path) = match self.entry(key) {
            Some(entry) => (self.offset_of(entry.value), joined(&self.path, key)),
            None => (self.offset, self.path.clone()),
        };
        mistakes.found.push(Mistake { offset, path, message: message.into() });
    }

    /// Adds a mistake about the key itself, which was given.
    pub fn key_mistake(&self, key: &str, message: impl Into<String>, mistakes: &mut Mistakes) {
        let offset = self.entry(key).map_or(self.offset, |entry| entry.key_offset);
        mistakes.found.push(Mistake { offset, path: joined(&self.path, key), message: message.into() });
    }

    /// The value of `key` alone; where it can't be read, there is a mistake.
    pub fn value<T: DeserializeOwned>(&self, key: &str, mistakes: &mut Mistakes) -> Option<T> {
        let entry = self.entry(key)?;
        match serde_json::from_str(entry.value.get()) {
            Ok(value) => Some(value),
            Err(error) => {
                self.mistake(key, wording::plain(&error), mistakes);
                None
            }
        }
    }

    /// The same without `key`, for who does not know it.
    #[must_use]
    pub fn without(mut self, key: &str) -> Settings<'a> {
        self.entries.retain(|entry| entry.key != key);
        self
    }

    /// Whether `key` was given.
    pub fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// The settings of each element of the list under `key`: the element's own, which are the keys of an object, or
    /// else the element itself under the key `alone`; and those of this object beside the list, for what an element
    /// does not say itself.
    pub fn of_each(&self, key: &str, alone: &str, mistakes: &mut Mistakes) -> Vec<Settings<'a>> {
        let Some(list) = self.entry(key) else { return Vec::new() };
        let Ok(elements) = serde_json::from_str::<Vec<&'a RawValue>>(list.value.get()) else {
            self.mistake(key, "expected a list", mistakes);
            return Vec::new();
        };
        let element = |value: &'a RawValue| {
            let offset = self.offset_of(value);
            let mut entries = match serde_json::from_str::<Entries<'a>>(value.get()) {
                Ok(Entries(pairs)) => distinct(self.document, pairs),
                Err(_) => vec![Entry { key: alone.to_owned(), key_offset: offset, value }],
            };
            let common = self.entries.iter().filter(|entry| entry.key != key);
            for Entry { key, key_offset, value } in common {
                if !entries.iter().any(|entry| entry.key == *key) {
                    entries.push(Entry { key: key.clone(), key_offset: *key_offset, value });
                }
            }
            Settings { document: self.document, offset, path: self.path.clone(), entries }
        };
        elements.into_iter().map(element).collect()
    }

    /// The keys in the order of the file, each once.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.key.as_str())
    }

    /// The path to `key`, and where its value is: in bytes from the beginning of the file.
    pub fn place(&self, key: &str) -> (String, usize) {
        let offset = self.entry(key).map_or(self.offset, |entry| self.offset_of(entry.value));
        (joined(&self.path, key), offset)
    }

    /// Adds a mistake for every key that is not `known`; the result is what may have been meant by them.
    fn refuse_unknown<'k>(&self, known: &[&'k str], mistakes: &mut Mistakes) -> Vec<&'k str> {
        let mut meant = Vec::new();
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let near = nearest(&entry.key, known);
            meant.extend(near);
            let message = match near {
                Some(near) => format!("unknown key `{}`, did you mean `{near}`?", shown(&entry.key)),
                None => unknown("key", &entry.key, known),
            };
            let path = joined(&self.path, &entry.key);
            mistakes.found.push(Mistake { offset: entry.key_offset, path, message });
        }
        meant
    }

    fn of_value(
        document: &'a str,
        value: &'a RawValue,
        path: String,
        form: &str,
        mistakes: &mut Mistakes,
    ) -> Option<Settings<'a>> {
        let offset = offset_in(document, value);
        match serde_json::from_str::<Entries<'a>>(value.get()) {
            Ok(Entries(pairs)) => {
                Some(Settings { document, offset, path, entries: distinct(document, pairs) })
            }
            Err(error) => {
                let message = wording::plain(&error).replace("an object", form);
                mistakes.found.push(Mistake { offset, path, message });
                None
            }
        }
    }

    fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn offset_of(&self, value: &RawValue) -> usize {
        offset_in(self.document, value)
    }
}

/// A path with one more key; a key that is not plain is quoted and escaped.
pub(crate) fn joined(path: &str, key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let key = if !key.is_empty() && key.chars().all(plain) { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// Where `value`, which was borrowed from `document`, begins.
fn offset_in(document: &str, value: &RawValue) -> usize {
    (value.get().as_ptr() as usize).saturating_sub(document.as_ptr() as usize)
}

/// The first entry of every key: a second one is a mistake that the configuration reports for all objects.
fn distinct<'a>(document: &'a str, pairs: Vec<(&'a RawValue, &'a RawValue)>) -> Vec<Entry<'a>> {
    let mut seen = HashSet::new();
    let mut entries = Vec::new();
    for (raw_key, value) in pairs {
        // A key that is no string has been refused as a syntax error before.
        let Ok(key) = serde_json::from_str::<String>(raw_key.get()) else { continue };
        if seen.insert(key.clone()) {
            entries.push(Entry { key, key_offset: offset_in(document, raw_key), value });
        }
    }
    entries
}

/// The keys and values of an object as they stand in the text.
struct Entries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Entries(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}
