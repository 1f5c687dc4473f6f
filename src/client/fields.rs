//! The fields of a reply or an event, in their order.

use crate::wire::line::Frame;

/// Keys and their values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == key).map(|(_, value)| value.as_str())
    }

    /// Every key with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The parts of a value that has commas between them; none where it is missing or empty.
    pub fn list(&self, key: &str) -> Vec<String> {
        let parts = self.get(key).unwrap_or_default().split(',').filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    }
}

impl FromIterator<(String, String)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Fields {
        Fields(fields.into_iter().collect())
    }
}

impl From<&Frame<'_>> for Fields {
    fn from(frame: &Frame<'_>) -> Fields {
        Fields(frame.fields().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }
}
