//! Reads one value, and finds the place inside of it where its type did not fit.

use serde::de::DeserializeSeed;
use serde_json::value::RawValue;
use serde_path_to_error::{Deserializer, Path, Segment, Track};

use super::{Entries, joined, wording};

/// Why a value could not be read.
pub(super) struct Wrong<'a> {
    /// The innermost value that is wrong.
    pub(super) value: &'a RawValue,
    /// The path to it.
    pub(super) path: String,
    pub(super) message: String,
}

/// Reads `value`, whose path is `path`.
pub(super) fn read<'a, S: DeserializeSeed<'a>>(
    seed: S,
    value: &'a RawValue,
    path: String,
) -> Result<S::Value, Wrong<'a>> {
    let mut track = Track::new();
    let mut json = serde_json::Deserializer::from_str(value.get());
    seed.deserialize(Deserializer::new(&mut json, &mut track)).map_err(|error| {
        let (value, path) = follow(value, path, &track.path());
        // Valid JSON that is no value was read as an enum, which has names and objects with a name as key.
        let message = match wording::plain(&error) {
            text if text != "expected value" => text,
            _ if value.get().starts_with('{') => "expected an object with one key".to_owned(),
            _ => format!("expected a name in double quotes, found {}", wording::shown(value.get())),
        };
        Wrong { value, path, message }
    })
}

/// Goes along `inner` as far as there is something in the text.
fn follow<'a>(mut value: &'a RawValue, mut path: String, inner: &Path) -> (&'a RawValue, String) {
    for segment in inner {
        let next = match segment {
            Segment::Seq { index } => {
                path = format!("{path}[{index}]");
                element(value, *index)
            }
            Segment::Map { key } | Segment::Enum { variant: key } => {
                // A text that stands for a variant has no entry of its own.
                let next = member(value, key);
                if next.is_some() {
                    path = joined(&path, key);
                }
                next
            }
            Segment::Unknown => None,
        };
        match next {
            Some(next) => value = next,
            None => break,
        }
    }
    (value, path)
}

fn element(list: &RawValue, index: usize) -> Option<&RawValue> {
    serde_json::from_str::<Vec<&RawValue>>(list.get()).ok()?.get(index).copied()
}

fn member<'a>(object: &'a RawValue, key: &str) -> Option<&'a RawValue> {
    let Entries(pairs) = serde_json::from_str(object.get()).ok()?;
    let is_key = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).is_ok_and(|text| text == key);
    pairs.into_iter().find(|(raw, _)| is_key(raw)).map(|(_, value)| value)
}
