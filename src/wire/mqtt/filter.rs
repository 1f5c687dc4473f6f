//! Topic filters: which topics a subscription takes, alone or shared in a group.

use std::fmt;
use std::sync::Arc;

use super::topic::LONGEST_TOPIC;
use super::{Malformed, ReasonCode, TopicName};

const SHARE: &str = "$share/";

/// A valid topic filter, with wildcards perhaps and a share group perhaps; cheap to clone.
///
/// `$share/group/filter` is a shared subscription in both versions, although 3.1.1 does not know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter {
    text: Arc<str>,
    /// Where the filter proper begins, behind the name of the group.
    start: usize,
}

impl TopicFilter {
    /// Accepts a filter that the standard permits in a SUBSCRIBE.
    pub fn parse(text: &str) -> Result<TopicFilter, Malformed> {
        if text.len() > LONGEST_TOPIC {
            return refuse("a topic filter is longer than 65535 bytes"); // [MQTT-4.7.3-3]
        }
        if text.contains('\0') {
            return refuse("a topic filter contains U+0000"); // [MQTT-4.7.3-2]
        }
        let filter = match text.strip_prefix(SHARE) {
            Some(shared) => behind_group(shared)?,
            None => text,
        };
        check(filter)?;
        Ok(TopicFilter { text: text.into(), start: text.len() - filter.len() })
    }

    /// The whole text, as the subscriber wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the group that shares the subscription.
    pub fn share(&self) -> Option<&str> {
        self.text[..self.start].strip_prefix(SHARE)?.strip_suffix('/')
    }

    /// The filter proper, without the group.
    pub fn filter(&self) -> &str {
        &self.text[self.start..]
    }

    /// The parts of the filter proper between the slashes.
    pub fn levels(&self) -> impl Iterator<Item = &str> + Clone {
        self.filter().split('/')
    }

    /// Whether a wildcard stands in the filter.
    pub fn has_wildcard(&self) -> bool {
        self.filter().contains(['+', '#'])
    }

    /// Whether a message to this topic is for the subscriber.  Bytes are compared, and nothing else [MQTT-4.7.3-4].
    pub fn matches(&self, topic: &TopicName) -> bool {
        // [MQTT-4.7.2-1] A leading wildcard does not see the topics of the server.
        if topic.as_str().starts_with('$') && self.filter().starts_with(['+', '#']) {
            return false;
        }
        let mut names = topic.levels();
        for level in self.levels() {
            if level == "#" {
                return true; // Also for the parent level, where no name is left.
            }
            match names.next() {
                Some(name) if level == "+" || level == name => {}
                _ => return false,
            }
        }
        names.next().is_none()
    }
}

/// Takes the name of the group away.
fn behind_group(shared: &str) -> Result<&str, Malformed> {
    match shared.split_once('/') {
        // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
        Some(("", _)) => refuse("the name of a share group is empty"),
        Some((group, _)) if group.contains(['+', '#']) => refuse("the name of a share group has a wildcard"),
        Some((_, filter)) => Ok(filter),
        None => refuse("a shared subscription has no topic filter"),
    }
}

fn check(filter: &str) -> Result<(), Malformed> {
    if filter.is_empty() {
        return refuse("a topic filter is empty"); // [MQTT-4.7.3-1]
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let alone = level.len() == 1;
        if level.contains('#') && !(alone && levels.peek().is_none()) {
            return refuse("# is not a whole level at the end of a topic filter"); // [MQTT-4.7.1-1]
        }
        if level.contains('+') && !alone {
            return refuse("+ is not a whole level of a topic filter"); // [MQTT-4.7.1-2]
        }
    }
    Ok(())
}

fn refuse<T>(what: &'static str) -> Result<T, Malformed> {
    Err(Malformed::new(ReasonCode::TopicFilterInvalid, what))
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
