//! Topic names: where a message goes.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use super::{Malformed, ReasonCode};

/// The longest topic name or filter in bytes [MQTT-4.7.3-3].
pub(super) const LONGEST_TOPIC: usize = 65_535;

/// The valid name of a topic: not empty, without wildcards; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// Accepts a name that the standard permits in a PUBLISH.
    pub fn parse(name: &str) -> Result<TopicName, Malformed> {
        let refuse = |what| Err(Malformed::new(ReasonCode::TopicNameInvalid, what));
        if name.is_empty() {
            return refuse("a topic name is empty"); // [MQTT-4.7.3-1]
        }
        if name.len() > LONGEST_TOPIC {
            return refuse("a topic name is longer than 65535 bytes"); // [MQTT-4.7.3-3]
        }
        for byte in name.bytes() {
            match byte {
                b'+' | b'#' => return refuse("a topic name contains a wildcard"), // [MQTT-3.3.2-2] [MQTT-4.7.0-1]
                0 => return refuse("a topic name contains U+0000"),               // [MQTT-4.7.3-2]
                _ => {}
            }
        }
        Ok(TopicName(name.into()))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the slashes; a part may be empty.
    pub fn levels(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.split('/')
    }
}

impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
