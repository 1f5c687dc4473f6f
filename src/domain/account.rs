//! An account: who somebody is, and which devices and topics are theirs.

use std::fmt;

use super::UserName;

/// Who somebody is, and how much they may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user; nobody for those who do not say who they are.
    pub user: Option<UserName>,
    /// What in general.
    pub role: Role,
    /// Which devices they see and drive; an admin all of them.
    pub devices: Vec<DevicePattern>,
    /// Which topics and variables of clients they read and publish; an admin all of them.
    pub topics: Vec<TopicPattern>,
}

/// What somebody may do in general.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Drives devices and publishes as well.
    Operator,
    /// Everything, whatever patterns say.
    Admin,
}

/// Names of devices: `*` stands for any text, `%u` for the user's name and `%c` for the client identifier.
#[derive(Clone, PartialEq, Eq)]
pub struct DevicePattern(String);

/// A topic filter in which `%u` stands for the user's name and `%c` for the client identifier.
#[derive(Clone, PartialEq, Eq)]
pub struct TopicPattern(String);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError(&'static str);

/// For whom a pattern is read.
#[derive(Clone, Copy)]
struct Names<'a> {
    user: Option<&'a str>,
    client: &'a str,
}

/// What `*` is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Star {
    /// Any text.
    AnyText,
    /// Itself.
    Itself,
}

/// The longest pattern, in bytes.
const LONGEST: usize = 256;

/// So often `*` may stand in one pattern, for every one multiplies the ways to read it.
const STARS: usize = 4;

impl Account {
    /// Everybody, where there are no users.
    pub fn everybody() -> Account {
        Account { user: None, role: Role::Admin, devices: Vec::new(), topics: Vec::new() }
    }

    /// Those who do not say who they are, where there are users.
    pub fn anonymous(role: Role) -> Account {
        let (devices, topics) = Account::unrestricted();
        Account { user: None, role, devices, topics }
    }

    /// Somebody who is not in, and may do nothing.
    pub fn nobody() -> Account {
        Account { user: None, role: Role::Viewer, devices: Vec::new(), topics: Vec::new() }
    }

    /// The patterns of everything.
    pub fn unrestricted() -> (Vec<DevicePattern>, Vec<TopicPattern>) {
        (vec![DevicePattern("*".to_owned())], vec![TopicPattern("#".to_owned())])
    }

    /// Whether this device is theirs.
    pub fn has_device(&self, device: &str, client: &str) -> bool {
        let names = self.names(client);
        self.role == Role::Admin || self.devices.iter().any(|pattern| pattern.matches(device, names))
    }

    /// Whether this topic is theirs.
    pub fn has_topic(&self, topic: &str, client: &str) -> bool {
        let names = self.names(client);
        self.role == Role::Admin || self.topics.iter().any(|pattern| pattern.matches(topic, names))
    }

    /// Whether a topic that is theirs can be one of this filter, which is a valid one without a group.
    pub fn has_topic_of(&self, filter: &str, client: &str) -> bool {
        let names = self.names(client);
        self.role == Role::Admin || self.topics.iter().any(|pattern| pattern.meets(filter, names))
    }

    fn names<'a>(&'a self, client: &'a str) -> Names<'a> {
        Names { user: self.user.as_ref().map(UserName::as_str), client }
    }
}

impl Role {
    /// Every role, from the least.
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }

    /// The role that is written so.
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl DevicePattern {
    /// Takes `text` as it is, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<DevicePattern, PatternError> {
        check(text)?;
        if text.bytes().filter(|byte| *byte == b'*').count() > STARS {
            return Err(PatternError("a pattern has '*' at most 4 times"));
        }
        let plain =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'*' | b'%');
        if !text.bytes().all(plain) {
            return Err(PatternError(
                "a pattern of devices has only lower-case letters, digits, '_', '-', '*', %u and %c",
            ));
        }
        Ok(DevicePattern(text.to_owned()))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn matches(&self, device: &str, names: Names<'_>) -> bool {
        fits(&self.0, device, names, Star::AnyText)
    }
}

impl TopicPattern {
    /// Takes `text` as it is, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<TopicPattern, PatternError> {
        check(text)?;
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            let alone = level.len() == 1;
            if level.contains('#') && !(alone && levels.peek().is_none()) {
                return Err(PatternError("'#' is a whole level of a topic, and the last one"));
            }
            if level.contains('+') && !alone {
                return Err(PatternError("'+' is a whole level of a topic"));
            }
        }
        Ok(TopicPattern(text.to_owned()))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn matches(&self, topic: &str, names: Names<'_>) -> bool {
        let mut levels = topic.split('/');
        for pattern in self.0.split('/') {
            if pattern == "#" {
                return true;
            }
            match levels.next() {
                Some(level) if pattern == "+" || fits(pattern, level, names, Star::Itself) => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }

    /// Whether a topic can be of this pattern and of `filter`.
    fn meets(&self, filter: &str, names: Names<'_>) -> bool {
        let (mut patterns, mut levels) = (self.0.split('/'), filter.split('/'));
        loop {
            match (patterns.next(), levels.next()) {
                (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
                (Some("+"), Some(_)) | (Some(_), Some("+")) => {}
                (Some(pattern), Some(level)) if fits(pattern, level, names, Star::Itself) => {}
                _ => return false,
            }
        }
    }
}

/// Whether a pattern is this text.  What stands for a name is that name and nothing else, whatever is in it.
fn fits(pattern: &str, text: &str, names: Names<'_>, star: Star) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') if star == Star::AnyText => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| fits(rest.as_str(), &text[at..], names, star))
        }
        Some('%') => {
            let name = if rest.next() == Some('u') { names.user } else { Some(names.client) };
            let behind = name.and_then(|name| text.strip_prefix(name));
            behind.is_some_and(|text| fits(rest.as_str(), text, names, star))
        }
        Some(letter) => text.strip_prefix(letter).is_some_and(|text| fits(rest.as_str(), text, names, star)),
    }
}

fn check(text: &str) -> Result<(), PatternError> {
    if text.is_empty() || text.len() > LONGEST {
        return Err(PatternError("a pattern has 1 to 256 bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err(PatternError("a pattern has no control characters"));
    }
    if text.split('%').skip(1).any(|behind| !behind.starts_with(['u', 'c'])) {
        return Err(PatternError("'%' stands in %u, the user's name, or %c, the client identifier"));
    }
    Ok(())
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for DevicePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Debug for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn anna(devices: &str, topics: &str) -> Account {
        Account {
            user: UserName::parse("anna").ok(),
            role: Role::Operator,
            devices: vec![DevicePattern::parse(devices).expect("valid")],
            topics: vec![TopicPattern::parse(topics).expect("valid")],
        }
    }

    #[test]
    fn devices_are_named_with_stars_and_names() {
        for (pattern, device, client, theirs) in [
            ("lamp", "lamp", "c", true),
            ("lamp", "lamp2", "c", false),
            ("lamp*", "lamp2", "c", true),
            ("*-*p", "hall-lamp", "c", true),
            ("*-*p", "hall-lamps", "c", false),
            ("%u-*", "anna-x", "c", true),
            ("%u-*", "bert-x", "c", false),
            ("x-%c", "x-esp", "esp", true),
            ("%c", "lamp", "*", false),
        ] {
            assert_eq!(anna(pattern, "#").has_device(device, client), theirs, "{pattern} {device}");
        }
        assert!(!Account { user: None, ..anna("%u", "#") }.has_device("", "c"));
    }

    #[test]
    fn topics_are_named_with_wildcards_and_names() {
        for (pattern, topic, theirs) in [
            ("home/#", "home", true),
            ("home/+/x", "home/a/x", true),
            ("home/+/x", "home/a/b/x", false),
            ("%u/%c-1", "anna/esp-1", true),
            ("%u/%c-1", "anna/esp-2", false),
            ("a/*", "a/b", false),
        ] {
            assert_eq!(anna("*", pattern).has_topic(topic, "esp"), theirs, "{pattern} {topic}");
        }
    }

    #[test]
    fn filters_are_met_where_a_topic_can_be_of_both() {
        for (pattern, filter, theirs) in [
            ("home/#", "#", true),
            ("home/+/x", "home/a/+", true),
            ("home/%c/x", "home/esp/#", true),
            ("home/%c/x", "home/other/#", false),
            ("home/a", "+/b", false),
            ("home/a", "home/a/b", false),
        ] {
            assert_eq!(anna("*", pattern).has_topic_of(filter, "esp"), theirs, "{pattern} {filter}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["", "Lamp", "a/b", "%x", "a%", "*****", &"a".repeat(257)] {
            assert!(DevicePattern::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", "a#", "#/a", "a+/b", "%", "a\n"] {
            assert!(TopicPattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_admin_has_everything() {
        let admin = Account::everybody();
        assert!(admin.has_device("x", "c") && admin.has_topic("x", "c") && admin.has_topic_of("x", "c"));
    }
}
