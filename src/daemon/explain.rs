//! Why somebody may do something, or may not, in a sentence.

use super::DaemonConfig;
use crate::auth::{Users, Wish, name};
use crate::domain::{Account, ClientId, DeviceName, Principal, Protocol, Refusal, Registry, Role};
use crate::gateway::{Topics, access};
use crate::wire::mqtt::{TopicFilter, TopicName};

/// Whether somebody may, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct Explained {
    /// Whether it may.
    pub verdict: Verdict,
    /// Why.
    pub sentence: String,
}

/// Whether somebody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Yes,
    /// It may not.
    No,
}

/// Says whether a user may do what `wish` says: `read DEVICE`, `write DEVICE`, `publish TOPIC` or `subscribe FILTER`.
/// The error says what of the question can't be understood.
pub fn explain(
    config: &DaemonConfig,
    users: &Users,
    user: &str,
    client: &str,
    wish: &str,
) -> Result<Explained, String> {
    let account = users.find(user).ok_or_else(|| format!("there is no user {user}"))?.account.clone();
    let client = ClientId::parse_chosen(client).map_err(|error| error.to_string())?;
    let principal = Principal {
        client,
        address: ([127, 0, 0, 1], 0).into(),
        protocol: Protocol::Mqtt,
        certificate_name: None,
        account,
    };
    let form = "expected 'read DEVICE', 'write DEVICE', 'publish TOPIC' or 'subscribe FILTER'";
    let (verb, what) = wish.split_once(' ').ok_or(form)?;
    let topics = Topics::new(&config.mqtt.prefix, &Registry::default());
    if topics.inside(what).is_some_and(|inside| inside.starts_with("gpio/")) {
        return Err("whose a line is, its hardware says: ask for the device".to_owned());
    }
    let decided = match verb {
        "read" | "write" => {
            let device = DeviceName::parse(what).map_err(|error| error.to_string())?;
            if !config.devices.iter().any(|known| known.name == device) {
                return Err(format!("no device is called {device}"));
            }
            let wish = if verb == "read" { Wish::See(what) } else { Wish::Drive(what) };
            crate::auth::decide(&principal, wish)
        }
        "publish" => {
            let topic = TopicName::parse(what).map_err(|error| error.to_string())?;
            access::publish_or_drive(&topics, &Registry::default(), &principal, &topic)
        }
        "subscribe" => {
            let filter = TopicFilter::parse(what).map_err(|error| error.to_string())?;
            access::subscribe(&topics, &principal, &filter)
        }
        _ => return Err(form.to_owned()),
    };
    Ok(Explained::of(&principal.account, verb, what, decided))
}

impl Explained {
    fn of(account: &Account, verb: &str, what: &str, decided: Result<(), Refusal>) -> Explained {
        let who = name(account);
        match decided {
            Err(refusal) => Explained { verdict: Verdict::No, sentence: format!("no: {}", refusal.message) },
            Ok(()) if account.role == Role::Admin => {
                let sentence = format!("yes: {who} is an admin, who may do everything");
                Explained { verdict: Verdict::Yes, sentence }
            }
            Ok(()) if verb == "subscribe" => {
                let sentence = format!("yes: {who} is told what it may read of {what}");
                Explained { verdict: Verdict::Yes, sentence }
            }
            Ok(()) => {
                let role = account.role;
                let article = if role == Role::Operator { "an" } else { "a" };
                let sentence =
                    format!("yes: {who} is {article} {role}, and {what} is one of those that it may {verb}");
                Explained { verdict: Verdict::Yes, sentence }
            }
        }
    }
}
