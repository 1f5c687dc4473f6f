//! CONNECT: whether a client is taken, and what it is told about the server.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conversation::MqttConversation;
use super::kept::{Expiry, Keeping};
use super::outgoing::Outgoing;
use super::reception::Reception;
use super::session::{Request, Session};
use crate::auth::{Credentials, Rejected};
use crate::domain::{Account, Audit, ClientId, Code, Deed, Principal, Refusal, Visitor};
use crate::gateway::{InOrder, Joining, Message, Note, Shared, Space, access};
use crate::net::{Peer, Seating};
use crate::wire::mqtt::{Connack, Connect, Packet, Properties, Property, ReasonCode, Version, Will};

/// Why a client is not taken.
pub(super) struct Refused {
    pub(super) reason: ReasonCode,
    pub(super) message: Cow<'static, str>,
}

/// Who a client is, as far as its CONNECT says.
pub(super) enum Introduction {
    /// It is taken with this account.
    As(Arc<Account>),
    /// Its credentials are looked at; the verdict comes to its outbox, as long as this is there.
    Waits(Arc<()>),
    /// It says nothing of itself, and has to.
    Refused(Refused),
}

/// How many messages of QoS 1 and 2 a client may have under way, and how many requests may wait in all.
pub(super) const WINDOW: u16 = 32;

/// How many topic aliases a client may use.
pub(super) const ALIASES: NonZeroU16 = NonZeroU16::MIN.saturating_add(31);

/// Finds out who the client is.  A token stands in the place of the password, with the user's name or without one.
pub(super) fn introduce(conversation: &MqttConversation, connect: &Connect) -> Introduction {
    let Shared { entrance, .. } = &conversation.shared;
    let credentials = Credentials {
        user: connect.username.clone(),
        secret: connect.password.clone(),
        certificate: conversation.peer.certificate_name.clone(),
    };
    let (Some(verifier), false) = (entrance.verifier(), credentials.are_none()) else {
        if let Some(account) = entrance.unnamed() {
            return Introduction::As(account);
        }
        let message = "a user name and a password, or a token as password, are needed";
        tell_refused(conversation, connect, Refusal::new(Code::AccessDenied, message));
        return Introduction::Refused(Refused { reason: ReasonCode::NotAuthorized, message: message.into() });
    };
    let visitor = visitor(conversation, connect);
    let outbox = conversation.outbox.clone();
    Introduction::Waits(verifier.verify(visitor, credentials, move |verdict| {
        outbox.note(Note::Verdict(0, verdict));
    }))
}

/// Why a client is not taken whose credentials were looked at.
pub(super) fn rejected(conversation: &MqttConversation, connect: &Connect, rejected: Rejected) -> Refused {
    let refusal = rejected.refusal();
    let reason = match rejected {
        Rejected::Wrong | Rejected::Expired => ReasonCode::BadUserNameOrPassword,
        Rejected::Unknown | Rejected::Lapsed | Rejected::Contradicted => ReasonCode::NotAuthorized,
        Rejected::Busy => ReasonCode::ServerBusy,
    };
    if let Rejected::Unknown | Rejected::Lapsed = rejected {
        // The certificate alone was no attempt, and there was no other.
        tell_refused(conversation, connect, refusal.clone());
    }
    Refused { reason, message: refusal.message }
}

/// Tells the audit of somebody who does not say who it is, and has to.
fn tell_refused(conversation: &MqttConversation, connect: &Connect, refusal: Refusal) {
    if let Some(verifier) = conversation.shared.entrance.verifier() {
        let deed = Deed::Other(String::new(), "sign_in".to_owned());
        verifier.tell_refused(visitor(conversation, connect), deed, refusal);
    }
}

/// Who wants to be let in.
fn visitor(conversation: &MqttConversation, connect: &Connect) -> Visitor {
    let Peer { address, certificate_name } = conversation.peer.clone();
    let client = ClientId::parse_chosen(&connect.client_id).ok();
    Visitor { client, address, protocol: conversation.settings.protocol, certificate_name, user: None }
}

/// Takes the client: it becomes a member of the bus, and its CONNACK is sent when it is one; or says why not
/// [MQTT-3.1.4-2].
pub(super) fn open(
    conversation: &mut MqttConversation,
    connect: Connect,
    reception: Reception,
    account: Arc<Account>,
    now: Instant,
) -> Result<Box<Session>, Refused> {
    let Connect { version, clean_start, keep_alive, client_id, will, properties, .. } = connect;
    if properties.authentication_method().is_some() {
        // [MQTT-4.12.0-1]
        return refuse(ReasonCode::BadAuthenticationMethod, "extended authentication is not supported");
    }
    let (client, named) = client(&client_id, version, clean_start, conversation.number)?;
    let protocol = conversation.settings.protocol;
    let Peer { address, certificate_name } = conversation.peer.clone();
    let principal =
        Arc::new(Principal { client: client.clone(), address, protocol, certificate_name, account });
    let will = will.map(|will| self::will(will, &principal, &conversation.shared)).transpose()?;
    let expiry = match version {
        Version::V5 => Expiry::from_seconds(properties.session_expiry().unwrap_or(0)),
        // 3.1.1: a session that is not clean ends when the client says so.
        Version::V3 if clean_start => Expiry::AtOnce,
        Version::V3 => Expiry::Never,
    };
    let keeping = Keeping { clean: clean_start, expiry };
    let connack = Connack {
        session_present: false, // Until the bus says otherwise.
        reason: ReasonCode::Success,
        properties: match version {
            Version::V5 => about_us(conversation, &properties, &client, named),
            Version::V3 => Properties::new(),
        },
    };
    if reception.write(Packet::Connack(connack.clone()), &mut Vec::new()).is_err() {
        // Before it is a member, so that it takes nobody's place.
        return refuse(ReasonCode::PacketTooLarge, "the CONNACK is larger than the maximum packet size");
    }
    // Last, so that who is refused for something else never has a seat.
    if conversation.seat.take() == Seating::Full {
        let message = Refusal::too_many_clients().message;
        return Err(Refused { reason: ReasonCode::ServerBusy, message });
    }
    let aliases = properties.topic_alias_maximum();
    let (maximum_packet, bytes) = (reception.maximum_packet, conversation.shared.outbox.bytes);
    let counters = conversation.shared.counters.clone();
    let outgoing =
        Outgoing::new(version, properties.receive_maximum(), maximum_packet, aliases, bytes, counters);
    let outbox = conversation.outbox.clone();
    let joining = Joining { principal: principal.clone(), named, outbox: outbox.clone(), will, keeping };
    // The first of all requests, which the bus answers.
    let mut requests = InOrder::default();
    let ticket = requests.push(Request::Connect(connack));
    let membership = conversation.shared.bus.join(joining, ticket);
    // [MQTT-3.2.2-22] The server has no wishes of its own.
    let silence = (keep_alive != 0).then(|| Duration::from_secs(u64::from(keep_alive)) * 3 / 2);
    Ok(Session::new(
        conversation.shared.clone(),
        outbox,
        principal,
        reception,
        silence,
        outgoing,
        now,
        requests,
        membership,
        keeping,
    ))
}

/// The client's identifier, and whether it chose it itself.  What is refused [MQTT-3.1.3-8] is none of those that
/// have to be taken [MQTT-3.1.3-5].
fn client(text: &str, version: Version, clean_start: bool, number: u64) -> Result<(ClientId, bool), Refused> {
    if text.is_empty() {
        if version == Version::V3 && !clean_start {
            // [3.1.1: MQTT-3.1.3-8]
            return refuse(ReasonCode::ClientIdentifierNotValid, "a session that is kept needs a client id");
        }
        // [MQTT-3.1.3-6..7] The random part keeps it from taking over somebody who chose such a name, or was given it
        // before a restart.
        let random = RandomState::new().hash_one(number);
        let assigned = ClientId::parse(&format!("mqtt-{number}-{random:016x}"));
        return match assigned {
            Ok(client) => Ok((client, false)),
            Err(error) => Err(Refused {
                reason: ReasonCode::ClientIdentifierNotValid,
                message: error.to_string().into(),
            }),
        };
    }
    match ClientId::parse_chosen(text) {
        Ok(client) => Ok((client, true)),
        Err(error) => {
            Err(Refused { reason: ReasonCode::ClientIdentifierNotValid, message: error.to_string().into() })
        }
    }
}

/// The will as it would be published, retained or not [MQTT-3.1.2-14..15], with its properties in their order
/// [MQTT-3.1.3-10]: what may not be published may not be left behind either.
fn will(will: Will, principal: &Arc<Principal>, shared: &Shared) -> Result<Message, Refused> {
    let Will { topic, payload, qos, retain, properties } = will;
    match shared.topics.space(&topic) {
        Space::Set(_) | Space::Rpc | Space::Message(_) if retain => {
            return refuse(
                ReasonCode::ImplementationSpecificError,
                "RETAINED_COMMAND: a will that acts is not retained",
            );
        }
        Space::Set(_) | Space::Rpc | Space::Message(_) | Space::Variable | Space::Free => {}
        Space::Response(_) | Space::Notice(_) | Space::Reserved => {
            return refuse(ReasonCode::NotAuthorized, "nobody may publish to the topic of the will");
        }
        Space::Deep => {
            return refuse(ReasonCode::QuotaExceeded, "the topic of the will has too many levels");
        }
        Space::Nonsense => {
            return refuse(ReasonCode::TopicNameInvalid, "the topic of the will names no device");
        }
    }
    // Whatever it does when its time comes: to read, nobody needs a will.
    if let Err(refusal) = access::publish_or_drive(&shared.topics, &shared.registry, principal, &topic) {
        let deed = Deed::Other(topic.to_string(), "will".to_owned());
        shared.bus.audit(Audit::refusal(principal.clone(), deed, &refusal));
        return Err(Refused { reason: ReasonCode::NotAuthorized, message: refusal.message });
    }
    Ok(Message {
        topic,
        body: crate::gateway::Body::Bytes(payload),
        qos,
        retain,
        properties,
        expires: None,
        sender: Some(principal.client.clone()),
    })
}

/// What a client of 5.0 is told about the server.  Nothing is said of authentication, for whoever asked for a method
/// was refused [MQTT-4.12.0-6].
fn about_us(
    conversation: &MqttConversation,
    asked: &Properties,
    client: &ClientId,
    named: bool,
) -> Properties {
    let mut about = Properties::new();
    if !named {
        about.push(Property::AssignedClientIdentifier(client.to_string())); // [MQTT-3.2.2-16]
    }
    if let Some(window) = NonZeroU16::new(WINDOW) {
        about.push(Property::ReceiveMaximum(window));
    }
    let maximum =
        u32::try_from(conversation.settings.maximum_packet).ok().and_then(std::num::NonZeroU32::new);
    if let Some(maximum) = maximum {
        about.push(Property::MaximumPacketSize(maximum));
    }
    about.push(Property::TopicAliasMaximum(ALIASES.get()));
    // [MQTT-3.1.2-28]
    if asked.request_response_information() {
        let topic = conversation.shared.topics.response(client.as_str());
        about.push(Property::ResponseInformation(topic.as_str().to_owned()));
    }
    about
}

fn refuse<T>(reason: ReasonCode, message: &'static str) -> Result<T, Refused> {
    Err(Refused { reason, message: message.into() })
}
