//! What a topic or a command of a client needs, as the question that `auth` decides.

use super::{Message, Reading, Space, Topics};
use crate::auth::{self, Wish};
use crate::domain::{Action, Command};
use crate::domain::{
    Code, LeaseOrder, Order, Principal, Reach, Refusal, Registry, Scope, Target, ThresholdOrder,
    ThresholdWish,
};
use crate::wire::mqtt::{TopicFilter, TopicName};

/// Whether a client may have this order carried out.  One about thresholds is told which devices it may be about, for
/// only the hardware thread knows which they are.
pub(super) fn order(registry: &Registry, principal: &Principal, order: &mut Order) -> Result<(), Refusal> {
    match order {
        Order::Command(command) => self::command(registry, principal, command),
        // Who holds a lease keeps others from driving: that takes the right to drive all of it.
        Order::Lease(LeaseOrder::Acquire { scope: Scope::Devices(targets), .. }) => {
            targets.iter().try_for_each(|target| self::target(registry, target, principal, Wish::Drive))
        }
        Order::Lease(LeaseOrder::Acquire { scope: Scope::Everything, .. }) => {
            let mut devices = registry.devices.iter();
            devices.try_for_each(|entry| auth::decide(principal, Wish::Drive(entry.name.as_str())))
        }
        Order::Threshold(ThresholdOrder { wish, reach }) => {
            *reach = self::reach(registry, principal);
            threshold(principal, wish)
        }
        // It is for admins, whatever the device; the hardware thread says so, and whether it is simulated.
        Order::Fault(_) => Ok(()),
        // The hardware thread knows whose it is, and who may end those of others.
        Order::Lease(LeaseOrder::Renew(_) | LeaseOrder::Release(_) | LeaseOrder::Break { .. }) => Ok(()),
    }
}

/// Whether a client may have this done with thresholds, as far as it says which devices it is about: who sets one may see
/// and drive its device and those that it sets.
fn threshold(principal: &Principal, wish: &ThresholdWish) -> Result<(), Refusal> {
    let device = match wish {
        ThresholdWish::Set(threshold) => {
            let mut devices = threshold.acted_on().chain([&threshold.device]);
            return devices.try_for_each(|device| auth::decide(principal, Wish::Drive(device.as_str())));
        }
        ThresholdWish::List(selection) => &selection.device,
        ThresholdWish::Alerts(selection) => &selection.device,
        ThresholdWish::Delete(_) | ThresholdWish::Tell(_) | ThresholdWish::TellAlert(_) => &None,
    };
    device.iter().try_for_each(|device| auth::decide(principal, Wish::See(device.as_str())))
}

/// The devices that a client may see and drive.
fn reach(registry: &Registry, principal: &Principal) -> Reach {
    let names = || registry.devices.iter().map(|entry| &entry.name);
    Reach {
        sees: names().filter(|name| auth::may(principal, Wish::See(name.as_str()))).cloned().collect(),
        drives: names().filter(|name| auth::may(principal, Wish::Drive(name.as_str()))).cloned().collect(),
    }
}

/// Whether a client may have this command carried out.
pub(super) fn command(registry: &Registry, principal: &Principal, command: &Command) -> Result<(), Refusal> {
    let reads = command.action.verb == "read";
    target(registry, &command.target, principal, if reads { Wish::See } else { Wish::Drive })
}

fn target<'a>(
    registry: &'a Registry,
    target: &'a Target,
    principal: &Principal,
    wish: impl Fn(&'a str) -> Wish<'a>,
) -> Result<(), Refusal> {
    match target {
        Target::Device(name) => auth::decide(principal, wish(name.as_str())),
        Target::Line(offset) => match registry.on_line(*offset) {
            Some(entry) => auth::decide(principal, wish(entry.name.as_str())),
            // There is nothing to be protected, and the hardware thread says so.
            None => Ok(()),
        },
    }
}

/// Whether a client may publish here, or have something published: a message, and no command.
pub(super) fn publish(topics: &Topics, principal: &Principal, topic: &TopicName) -> Result<(), Refusal> {
    match topics.space(topic) {
        Space::Free | Space::Variable => auth::decide(principal, Wish::Publish(topic.as_str())),
        Space::Message(_) => auth::decide(principal, Wish::Talk),
        // What they carry is looked at as a command.
        Space::Set(_) | Space::Rpc => Ok(()),
        Space::Response(client) if client == principal.client.as_str() => Ok(()),
        Space::Response(_) | Space::Notice(_) | Space::Reserved | Space::Nonsense | Space::Deep => {
            Err(Refusal::new(Code::AccessDenied, format!("only the gatekeeper publishes to {topic}")))
        }
    }
}

/// The same where the topic may be that of a device, whatever it is told to do.
pub(crate) fn publish_or_drive(
    topics: &Topics,
    registry: &Registry,
    principal: &Principal,
    topic: &TopicName,
) -> Result<(), Refusal> {
    match topics.space(topic) {
        Space::Set(target) => {
            let driven = Command { target, action: Action::new("set"), token: None };
            command(registry, principal, &driven)
        }
        _ => publish(topics, principal, topic),
    }
}

/// Whether a client may be told of something that is published where `reading` says.  Answers to one client, and
/// messages to one client, are for that client alone, whatever others subscribe to and whoever they are.
pub(super) fn read(principal: &Principal, reading: Reading<'_>) -> bool {
    match reading {
        Reading::Public => true,
        Reading::Owner(client) => client == principal.client.as_str(),
        Reading::Device(device) => auth::may(principal, Wish::See(device)),
        Reading::Logs => auth::may(principal, Wish::Watch),
        Reading::Clients(topic) => auth::may(principal, Wish::Read(topic)),
    }
}

/// The same for a message.
pub(super) fn read_message(topics: &Topics, principal: &Principal, message: &Message) -> bool {
    read(principal, topics.reading(&message.topic))
}

/// Whether a client may subscribe to this.  A filter that is wider than what the client may read is fine: it is told
/// what it may read of it.  One of which it may read nothing is refused.
pub(crate) fn subscribe(topics: &Topics, principal: &Principal, filter: &TopicFilter) -> Result<(), Refusal> {
    let text = filter.filter();
    if !filter.has_wildcard() {
        let Ok(topic) = TopicName::parse(text) else { return Ok(()) };
        return match topics.reading(&topic) {
            Reading::Public => Ok(()),
            Reading::Owner(client) if client == principal.client.as_str() => Ok(()),
            Reading::Owner(client) => {
                Err(Refusal::new(Code::AccessDenied, format!("{topic} is for {client:.128} alone")))
            }
            Reading::Device(device) => auth::decide(principal, Wish::See(device)),
            Reading::Logs => auth::decide(principal, Wish::Watch),
            Reading::Clients(topic) => auth::decide(principal, Wish::Read(topic)),
        };
    }
    let mut levels = filter.levels();
    match (levels.next(), levels.next()) {
        // Something that everybody may read can always be among these.
        (Some("+" | "#"), _) => Ok(()),
        (Some(first), _) if first.starts_with('$') => Ok(()),
        (Some(first), Some(second)) if first == topics.prefix() => match second {
            "logs" => auth::decide(principal, Wish::Watch),
            "vars" => auth::decide(principal, Wish::Follow(text)),
            _ => Ok(()),
        },
        _ => auth::decide(principal, Wish::Follow(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Account, ClientId, DeviceName, DevicePattern, Protocol, Role, TopicPattern, UserName,
    };

    fn principal(role: Role) -> Principal {
        let account = Account {
            user: UserName::parse("anna").ok(),
            role,
            devices: vec![DevicePattern::parse("lamp").expect("valid")],
            topics: vec![
                TopicPattern::parse("home/%u/#").expect("valid"),
                TopicPattern::parse("pi/vars/t").expect("valid"),
            ],
        };
        let client = ClientId::parse("c").expect("valid");
        Principal {
            client,
            address: ([127, 0, 0, 1], 1).into(),
            protocol: Protocol::Mqtt,
            certificate_name: None,
            account: account.into(),
        }
    }

    fn topic(text: &str) -> TopicName {
        TopicName::parse(text).expect("valid")
    }

    #[test]
    fn topics_are_read_by_those_whose_they_are() {
        let topics = Topics::new("pi", &Registry::default());
        for (text, viewer, admin) in [
            ("pi/status", true, true),
            ("$SYS/broker/uptime", true, true),
            ("pi/devices/registry", true, true),
            ("pi/devices/lamp/state", true, true),
            ("pi/devices/motor/state", false, true),
            ("pi/leases/motor", false, true),
            ("pi/logs/audit", false, true),
            ("pi/logs/system/warn", false, true),
            ("pi/nodes/x/status", true, true),
            ("pi/nodes/x/message", false, false),
            ("pi/nodes/c/message", true, true),
            ("pi/rpc/responses/x/1", false, false),
            ("pi/rpc/responses/c", true, true),
            ("pi/vars/t", true, true),
            ("pi/vars/u", false, true),
            ("home/anna/x", true, true),
            ("home/bert/x", false, true),
        ] {
            for (role, expected) in [(Role::Viewer, viewer), (Role::Admin, admin)] {
                let may = read(&principal(role), topics.reading(&topic(text)));
                assert_eq!(may, expected, "{role} {text}");
                let filter = TopicFilter::parse(text).expect("valid");
                assert_eq!(subscribe(&topics, &principal(role), &filter).is_ok(), expected, "{role} {text}");
            }
        }
    }

    #[test]
    fn filters_are_refused_where_nothing_of_them_may_be_read() {
        let topics = Topics::new("pi", &Registry::default());
        for (text, viewer) in [
            ("#", true),
            ("+/status", true),
            ("pi/#", true),
            ("pi/devices/+/state", true),
            ("pi/logs/#", false),
            ("pi/vars/+", true),
            ("home/#", true),
            ("home/+/x", true),
            ("home/bert/#", false),
            ("$share/g/garden/#", false),
            ("$SYS/#", true),
        ] {
            let filter = TopicFilter::parse(text).expect("valid");
            assert_eq!(subscribe(&topics, &principal(Role::Viewer), &filter).is_ok(), viewer, "{text}");
            assert!(subscribe(&topics, &principal(Role::Admin), &filter).is_ok(), "{text}");
        }
    }

    #[test]
    fn topics_are_published_to_by_operators_and_where_they_may() {
        let topics = Topics::new("pi", &Registry::default());
        for (text, roles) in [
            ("home/anna/x", &[Role::Operator, Role::Admin][..]),
            ("home/bert/x", &[Role::Admin]),
            ("pi/vars/t", &[Role::Operator, Role::Admin]),
            ("pi/vars/u", &[Role::Admin]),
            ("pi/nodes/x/message", &[Role::Operator, Role::Admin]),
            ("pi/rpc/responses/c", &Role::ALL),
            ("pi/rpc/responses/x", &[]),
            ("pi/status", &[]),
        ] {
            let may = |role: &Role| publish(&topics, &principal(*role), &topic(text)).is_ok();
            let allowed: Vec<Role> = Role::ALL.into_iter().filter(may).collect();
            assert_eq!(allowed, roles, "{text}");
        }
    }

    #[test]
    fn a_command_that_reads_needs_less_than_one_that_drives() {
        let registry = Registry::default();
        let lamp = Target::Device(DeviceName::parse("lamp").expect("valid"));
        for (verb, roles) in [("read", &Role::ALL[..]), ("on", &Role::ALL[1..])] {
            let wanted = Command { target: lamp.clone(), action: Action::new(verb), token: None };
            let may = |role: &Role| command(&registry, &principal(*role), &wanted).is_ok();
            assert_eq!(Role::ALL.into_iter().filter(may).collect::<Vec<_>>(), roles, "{verb}");
        }
    }
}
