//! What the gatekeeper's topics are called, and what a topic that a client names means.

use std::collections::HashMap;

use crate::domain::{DeviceName, Registry, Target};
use crate::wire::mqtt::{TopicFilter, TopicName};

/// The topics under the prefix, `pi` unless configured otherwise.
#[derive(Debug)]
pub struct Topics {
    prefix: String,
    states: HashMap<DeviceName, Vec<TopicName>>,
    /// Which device alone has the line of this offset.
    lines: HashMap<u32, DeviceName>,
}

/// So many levels a topic or filter has at most, so that looking for subscriptions never goes deeper.  Packets have
/// room for tens of thousands.
pub const LEVELS: usize = 32;

/// What publishing to a topic means.
#[derive(Debug, PartialEq, Eq)]
pub enum Space<'a> {
    /// A command to one device.
    Set(Target),
    /// A command that names its device.
    Rpc,
    /// A variable that clients share.
    Variable,
    /// A message to one client.
    Message(&'a str),
    /// The answers to one client.
    Response(&'a str),
    /// What one client is told of its leases.
    Notice(&'a str),
    /// Where the gatekeeper speaks itself, or where nobody does.
    Reserved,
    /// No device can have this name, or no line this offset.
    Nonsense,
    /// It has more than [`LEVELS`].
    Deep,
    /// Not the gatekeeper's business.
    Free,
}

/// For whom it is what is published to a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading<'a> {
    /// For everybody.
    Public,
    /// For the client of this identifier alone.
    Owner(&'a str),
    /// For those who may see this device.
    Device(&'a str),
    /// The audit and the log.
    Logs,
    /// For those to whom this topic is open, which is the clients' own.
    Clients(&'a str),
}

impl Topics {
    /// The topics of these devices under `prefix`, which is one valid topic level.
    pub fn new(prefix: &str, registry: &Registry) -> Topics {
        let mut topics = Topics { prefix: prefix.to_owned(), states: HashMap::new(), lines: HashMap::new() };
        for entry in &registry.devices {
            let mut states = vec![topics.under(&["devices", entry.name.as_str(), "state"])];
            for (_, _, offset) in &entry.lines {
                if registry.on_line(*offset).is_some_and(|on_line| on_line.name == entry.name) {
                    states.push(topics.under(&["gpio", &offset.to_string(), "state"]));
                    topics.lines.insert(*offset, entry.name.clone());
                }
            }
            topics.states.insert(entry.name.clone(), states);
        }
        topics
    }

    /// Where the states of this device are published.
    pub fn states(&self, device: &DeviceName) -> &[TopicName] {
        self.states.get(device).map_or(&[], Vec::as_slice)
    }

    /// Where the states of all devices are published.
    pub fn all_states(&self) -> impl Iterator<Item = &TopicName> {
        self.states.values().flatten()
    }

    /// What to subscribe to for the states of every device: `pi/devices/+/state`.
    pub fn every_state(&self) -> TopicFilter {
        let filter = format!("{}/devices/+/state", self.prefix);
        // The prefix is one valid level.
        TopicFilter::parse(&filter).expect("made of valid levels")
    }

    /// What to subscribe to for who holds what: `pi/leases/+`.
    pub fn every_lease(&self) -> TopicFilter {
        let filter = format!("{}/leases/+", self.prefix);
        // The prefix is one valid level.
        TopicFilter::parse(&filter).expect("made of valid levels")
    }

    /// `pi/status`.
    pub fn status(&self) -> TopicName {
        self.under(&["status"])
    }

    /// `pi/devices/registry`.
    pub fn registry(&self) -> TopicName {
        self.under(&["devices", "registry"])
    }

    /// `pi/system/telemetry`.
    pub fn telemetry(&self) -> TopicName {
        self.under(&["system", "telemetry"])
    }

    /// `pi/logs/audit`.
    pub fn audit(&self) -> TopicName {
        self.under(&["logs", "audit"])
    }

    /// `pi/logs/system/{level}`.
    pub fn log(&self, level: &str) -> TopicName {
        self.under(&["logs", "system", level])
    }

    /// `pi/nodes/{client}/status`.
    pub fn node_status(&self, client: &str) -> TopicName {
        self.under(&["nodes", client, "status"])
    }

    /// `pi/nodes/{client}/user`.
    pub fn node_user(&self, client: &str) -> TopicName {
        self.under(&["nodes", client, "user"])
    }

    /// `pi/nodes/{client}/message`.
    pub fn message(&self, client: &str) -> TopicName {
        self.under(&["nodes", client, "message"])
    }

    /// `pi/nodes/{client}/lease`.
    pub fn notice(&self, client: &str) -> TopicName {
        self.under(&["nodes", client, "lease"])
    }

    /// `pi/leases/{device}`.
    pub fn lease(&self, device: &DeviceName) -> TopicName {
        self.under(&["leases", device.as_str()])
    }

    /// `pi/alerts/{device}`.
    pub fn alerts(&self, device: &DeviceName) -> TopicName {
        self.under(&["alerts", device.as_str()])
    }

    /// `pi/alerts/{device}/open`.
    pub fn open_alerts(&self, device: &DeviceName) -> TopicName {
        self.under(&["alerts", device.as_str(), "open"])
    }

    /// `pi/vars/{name}`, if `name` is one topic level of 1 to 64 characters without wildcards and control
    /// characters.
    pub fn variable(&self, name: &str) -> Option<TopicName> {
        let bad = |c: char| c.is_control() || matches!(c, '/' | '+' | '#');
        let good = (1..=64).contains(&name.chars().count()) && !name.contains(bad);
        good.then(|| self.under(&["vars", name]))
    }

    /// `pi/rpc/responses/{client}`.
    pub fn response(&self, client: &str) -> TopicName {
        self.under(&["rpc", "responses", client])
    }

    /// What the levels after the prefix are; nothing for topics that are not the gatekeeper's.
    pub fn inside<'a>(&self, topic: &'a str) -> Option<&'a str> {
        topic.strip_prefix(&self.prefix)?.strip_prefix('/')
    }

    /// The first level of them all.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// For whom it is what is published to `topic`.
    pub fn reading<'a>(&'a self, topic: &'a TopicName) -> Reading<'a> {
        let topic = topic.as_str();
        let Some(inside) = self.inside(topic) else {
            let own = topic.starts_with('$') || topic == self.prefix;
            return if own { Reading::Public } else { Reading::Clients(topic) };
        };
        let mut levels = inside.split('/');
        match (levels.next(), levels.next(), levels.next()) {
            (Some("devices"), Some("registry"), None) => Reading::Public,
            (Some("devices" | "leases" | "alerts"), Some(device), _) => Reading::Device(device),
            (Some("gpio"), Some(line), _) => {
                let device = line.parse().ok().and_then(|line: u32| self.lines.get(&line));
                // No device can be called so, and only an admin may see it.
                Reading::Device(device.map_or("", DeviceName::as_str))
            }
            (Some("rpc"), Some("responses"), Some(client)) => Reading::Owner(client),
            (Some("nodes"), Some(client), Some("message" | "lease")) => Reading::Owner(client),
            (Some("vars"), ..) => Reading::Clients(topic),
            (Some("logs"), ..) => Reading::Logs,
            _ => Reading::Public,
        }
    }

    /// What publishing to `topic` means.
    pub fn space<'a>(&self, topic: &'a TopicName) -> Space<'a> {
        if topic.levels().nth(LEVELS).is_some() {
            return Space::Deep;
        }
        let topic = topic.as_str();
        if topic.starts_with('$') || topic == self.prefix {
            return Space::Reserved;
        }
        let Some(inside) = self.inside(topic) else { return Space::Free };
        let mut levels = inside.split('/');
        let four = [levels.next(), levels.next(), levels.next(), levels.next()];
        match four {
            [Some("devices"), Some(name), Some("set"), None] => match DeviceName::parse(name) {
                Ok(name) => Space::Set(Target::Device(name)),
                Err(_) => Space::Nonsense,
            },
            [Some("gpio"), Some(line), Some("set"), None] => match line.parse() {
                Ok(offset) => Space::Set(Target::Line(offset)),
                Err(_) => Space::Nonsense,
            },
            [Some("rpc"), Some("commands"), None, None] => Space::Rpc,
            [Some("rpc"), Some("responses"), Some(client), _] => Space::Response(client),
            [Some("vars"), Some(name), None, None] if !name.is_empty() => Space::Variable,
            [Some("nodes"), Some(client), Some("message"), None] => Space::Message(client),
            [Some("nodes"), Some(client), Some("lease"), None] => Space::Notice(client),
            _ => Space::Reserved,
        }
    }

    fn under(&self, levels: &[&str]) -> TopicName {
        let name = format!("{}/{}", self.prefix, levels.join("/"));
        // The prefix, device names, client ids and variables are parsed as single topic levels without wildcards
        // and far below the length limit.
        TopicName::parse(&name).expect("made of valid topic levels")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_mean_what_they_should() {
        let topics = Topics::new("pi", &Registry::default());
        let lamp = DeviceName::parse("lamp").expect("valid");
        for (topic, space) in [
            ("pi/devices/lamp/set", Space::Set(Target::Device(lamp))),
            ("pi/devices/Lamp/set", Space::Nonsense),
            ("pi/devices/lamp/set/x", Space::Reserved),
            ("pi/devices/lamp/state", Space::Reserved),
            ("pi/gpio/17/set", Space::Set(Target::Line(17))),
            ("pi/gpio/x/set", Space::Nonsense),
            ("pi/rpc/commands", Space::Rpc),
            ("pi/rpc/responses/me", Space::Response("me")),
            ("pi/rpc/responses/me/7", Space::Response("me")),
            ("pi/vars/t", Space::Variable),
            ("pi/nodes/esp/message", Space::Message("esp")),
            ("pi/nodes/esp/status", Space::Reserved),
            ("pi/nodes/esp/lease", Space::Notice("esp")),
            ("pi/leases/lamp", Space::Reserved),
            ("pi", Space::Reserved),
            ("pip/x", Space::Free),
            ("home/lamp", Space::Free),
            ("$SYS/x", Space::Reserved),
        ] {
            assert_eq!(topics.space(&TopicName::parse(topic).expect("valid")), space, "{topic}");
        }
        for (slashes, space) in [(LEVELS - 1, Space::Free), (LEVELS, Space::Deep)] {
            assert_eq!(topics.space(&TopicName::parse(&"/".repeat(slashes)).expect("valid")), space);
        }
    }
}
