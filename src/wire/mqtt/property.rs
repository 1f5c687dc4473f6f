//! One property: its identifier, its value, and the places where it may stand (section 2.2.2).

use std::num::{NonZeroU16, NonZeroU32};

use super::fields::{binary, put_binary, put_text, put_u16, put_u32, put_varint, text, varint_size};
use super::place::{
    ACKNOWLEDGE, AUTH, CONNACK, CONNECT, DISCONNECT, PUBLISH, Places, SUBACK, SUBSCRIBE, UNSUBACK,
    UNSUBSCRIBE, WILL,
};
use super::{Malformed, QoS, ReasonCode, TopicName};
use crate::wire::reader::Reader;

/// Every property of MQTT 5.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// Whether the payload is UTF-8 text.
    PayloadFormatIndicator(bool),
    /// After how many seconds the message is worthless.
    MessageExpiryInterval(u32),
    /// What the payload is, in the words of the sender.
    ContentType(String),
    /// Where the answer is expected.
    ResponseTopic(TopicName),
    /// What tells the requester which request is answered.
    CorrelationData(Vec<u8>),
    /// The number that a subscriber gave to its subscription, at most 268435455.
    SubscriptionIdentifier(NonZeroU32),
    /// How many seconds the session outlives its connection; `u32::MAX` is for ever.
    SessionExpiryInterval(u32),
    /// The client identifier that the server chose.
    AssignedClientIdentifier(String),
    /// The keep alive in seconds that the server wants instead.
    ServerKeepAlive(u16),
    /// The name of the extended authentication.
    AuthenticationMethod(String),
    /// What the authentication method needs.
    AuthenticationData(Vec<u8>),
    /// Whether the client wants reason strings with every packet.
    RequestProblemInformation(bool),
    /// How many seconds the will waits for the client to return.
    WillDelayInterval(u32),
    /// Whether the client wants Response Information.
    RequestResponseInformation(bool),
    /// From what the client may build its response topics.
    ResponseInformation(String),
    /// Which other server to use.
    ServerReference(String),
    /// The reason in words for people.
    ReasonString(String),
    /// How many messages with QoS 1 and 2 may be under way at once.
    ReceiveMaximum(NonZeroU16),
    /// The greatest topic alias that is accepted.
    TopicAliasMaximum(u16),
    /// A number in place of the topic name.
    TopicAlias(NonZeroU16),
    /// The best quality that the server supports; never [`QoS::ExactlyOnce`], which needs no mention.
    MaximumQoS(QoS),
    /// Whether the server keeps retained messages.
    RetainAvailable(bool),
    /// A name and a value without meaning for the protocol.
    UserProperty(String, String),
    /// How many bytes a packet to the sender may have.
    MaximumPacketSize(NonZeroU32),
    /// Whether filters may have wildcards.
    WildcardSubscriptionAvailable(bool),
    /// Whether subscriptions may have identifiers.
    SubscriptionIdentifierAvailable(bool),
    /// Whether subscriptions may be shared.
    SharedSubscriptionAvailable(bool),
}

/// A value as it stands on the wire.
enum Value<'a> {
    Byte(u8),
    Two(u16),
    Four(u32),
    Varint(u32),
    Text(&'a str),
    Binary(&'a [u8]),
    Pair(&'a str, &'a str),
}

/// The properties that one place has had so far.
pub(super) struct Admission {
    place: Places,
    seen: u64,
}

impl Property {
    /// Reads an identifier and the value behind it.
    pub(super) fn decode(reader: &mut Reader<'_>, admission: &mut Admission) -> Result<Property, Malformed> {
        // The identifier is a variable byte integer; all that exist take one byte.
        let identifier = u8::try_from(reader.varint()?).unwrap_or(u8::MAX);
        admission.admit(identifier)?;
        Ok(match identifier {
            1 => Property::PayloadFormatIndicator(flag(reader)?),
            2 => Property::MessageExpiryInterval(reader.u32()?),
            3 => Property::ContentType(text(reader)?.into()), // [MQTT-3.3.2-19]
            8 => Property::ResponseTopic(TopicName::parse(text(reader)?)?), // [MQTT-3.3.2-13] [MQTT-3.3.2-14]
            9 => Property::CorrelationData(binary(reader)?.into()),
            11 => Property::SubscriptionIdentifier(positive(reader.varint()?)?),
            17 => Property::SessionExpiryInterval(reader.u32()?),
            18 => Property::AssignedClientIdentifier(text(reader)?.into()),
            19 => Property::ServerKeepAlive(reader.u16()?),
            21 => Property::AuthenticationMethod(text(reader)?.into()),
            22 => Property::AuthenticationData(binary(reader)?.into()),
            23 => Property::RequestProblemInformation(flag(reader)?),
            24 => Property::WillDelayInterval(reader.u32()?),
            25 => Property::RequestResponseInformation(flag(reader)?),
            26 => Property::ResponseInformation(text(reader)?.into()),
            28 => Property::ServerReference(text(reader)?.into()),
            31 => Property::ReasonString(text(reader)?.into()),
            33 => Property::ReceiveMaximum(receive_maximum(reader)?),
            34 => Property::TopicAliasMaximum(reader.u16()?),
            35 => Property::TopicAlias(topic_alias(reader)?),
            36 => Property::MaximumQoS(maximum_qos(reader)?),
            37 => Property::RetainAvailable(flag(reader)?),
            38 => Property::UserProperty(text(reader)?.into(), text(reader)?.into()), // [MQTT-1.5.7-1]
            39 => Property::MaximumPacketSize(positive(reader.u32()?)?),
            40 => Property::WildcardSubscriptionAvailable(flag(reader)?),
            41 => Property::SubscriptionIdentifierAvailable(flag(reader)?),
            42 => Property::SharedSubscriptionAvailable(flag(reader)?),
            _ => return Err(UNKNOWN),
        })
    }

    /// Writes the identifier and the value.
    pub(super) fn encode(&self, admission: &mut Admission, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let (identifier, value) = self.parts();
        admission.admit(identifier)?;
        if *self == Property::MaximumQoS(QoS::ExactlyOnce) {
            return Err(WRONG_MAXIMUM_QOS);
        }
        out.push(identifier);
        match value {
            Value::Byte(byte) => out.push(byte),
            Value::Two(number) => put_u16(out, number),
            Value::Four(number) => put_u32(out, number),
            Value::Varint(number) => put_varint(out, number as usize)?,
            Value::Text(text) => put_text(out, text)?,
            Value::Binary(bytes) => put_binary(out, bytes)?,
            Value::Pair(name, value) => {
                put_text(out, name)?;
                put_text(out, value)?;
            }
        }
        Ok(())
    }

    /// How many bytes [`Property::encode`] writes.
    pub(super) fn size(&self) -> usize {
        1 + match self.parts().1 {
            Value::Byte(_) => 1,
            Value::Two(_) => 2,
            Value::Four(_) => 4,
            Value::Varint(number) => varint_size(number as usize),
            Value::Text(text) => 2 + text.len(),
            Value::Binary(bytes) => 2 + bytes.len(),
            Value::Pair(name, value) => 4 + name.len() + value.len(),
        }
    }

    fn parts(&self) -> (u8, Value<'_>) {
        match self {
            Property::PayloadFormatIndicator(value) => (1, Value::Byte((*value).into())),
            Property::MessageExpiryInterval(value) => (2, Value::Four(*value)),
            Property::ContentType(value) => (3, Value::Text(value)),
            Property::ResponseTopic(value) => (8, Value::Text(value.as_str())),
            Property::CorrelationData(value) => (9, Value::Binary(value)),
            Property::SubscriptionIdentifier(value) => (11, Value::Varint(value.get())),
            Property::SessionExpiryInterval(value) => (17, Value::Four(*value)),
            Property::AssignedClientIdentifier(value) => (18, Value::Text(value)),
            Property::ServerKeepAlive(value) => (19, Value::Two(*value)),
            Property::AuthenticationMethod(value) => (21, Value::Text(value)),
            Property::AuthenticationData(value) => (22, Value::Binary(value)),
            Property::RequestProblemInformation(value) => (23, Value::Byte((*value).into())),
            Property::WillDelayInterval(value) => (24, Value::Four(*value)),
            Property::RequestResponseInformation(value) => (25, Value::Byte((*value).into())),
            Property::ResponseInformation(value) => (26, Value::Text(value)),
            Property::ServerReference(value) => (28, Value::Text(value)),
            Property::ReasonString(value) => (31, Value::Text(value)),
            Property::ReceiveMaximum(value) => (33, Value::Two(value.get())),
            Property::TopicAliasMaximum(value) => (34, Value::Two(*value)),
            Property::TopicAlias(value) => (35, Value::Two(value.get())),
            Property::MaximumQoS(value) => (36, Value::Byte(value.bits())),
            Property::RetainAvailable(value) => (37, Value::Byte((*value).into())),
            Property::UserProperty(name, value) => (38, Value::Pair(name, value)),
            Property::MaximumPacketSize(value) => (39, Value::Four(value.get())),
            Property::WildcardSubscriptionAvailable(value) => (40, Value::Byte((*value).into())),
            Property::SubscriptionIdentifierAvailable(value) => (41, Value::Byte((*value).into())),
            Property::SharedSubscriptionAvailable(value) => (42, Value::Byte((*value).into())),
        }
    }
}

impl Admission {
    pub(super) fn new(place: Places) -> Admission {
        Admission { place, seen: 0 }
    }

    /// Whether this property may come next in this place.
    fn admit(&mut self, identifier: u8) -> Result<(), Malformed> {
        let (_, places) = PLACES.iter().find(|row| row.0 == identifier).ok_or(UNKNOWN)?;
        if places & self.place == 0 {
            return Err(Malformed::packet("a property does not belong to this packet"));
        }
        let may_repeat = match identifier {
            USER_PROPERTY => true,
            SUBSCRIPTION_IDENTIFIER => self.place == PUBLISH,
            _ => false,
        };
        let bit = 1 << identifier;
        if self.seen & bit != 0 && !may_repeat {
            return Err(Malformed::protocol("a property stands there twice"));
        }
        self.seen |= bit;
        Ok(())
    }

    /// What the properties of one place need of each other.
    pub(super) fn finish(self) -> Result<(), Malformed> {
        if self.seen & (1 << AUTHENTICATION_DATA) != 0 && self.seen & (1 << AUTHENTICATION_METHOD) == 0 {
            return Err(Malformed::protocol("there is authentication data without an authentication method"));
        }
        Ok(())
    }
}

fn flag(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::protocol("a property is neither 0 nor 1")),
    }
}

fn positive(number: u32) -> Result<NonZeroU32, Malformed> {
    NonZeroU32::new(number).ok_or(ZERO)
}

fn receive_maximum(reader: &mut Reader<'_>) -> Result<NonZeroU16, Malformed> {
    NonZeroU16::new(reader.u16()?).ok_or(ZERO)
}

fn topic_alias(reader: &mut Reader<'_>) -> Result<NonZeroU16, Malformed> {
    // [MQTT-3.3.2-8]
    let invalid = Malformed::new(ReasonCode::TopicAliasInvalid, "the topic alias is 0");
    NonZeroU16::new(reader.u16()?).ok_or(invalid)
}

fn maximum_qos(reader: &mut Reader<'_>) -> Result<QoS, Malformed> {
    match reader.u8()? {
        0 => Ok(QoS::AtMostOnce),
        1 => Ok(QoS::AtLeastOnce),
        _ => Err(WRONG_MAXIMUM_QOS),
    }
}

const UNKNOWN: Malformed = Malformed::packet("a property is unknown");
const ZERO: Malformed = Malformed::protocol("a property that must be positive is 0");
const WRONG_MAXIMUM_QOS: Malformed = Malformed::protocol("the maximum QoS is neither 0 nor 1");

const SUBSCRIPTION_IDENTIFIER: u8 = 11;
const AUTHENTICATION_METHOD: u8 = 21;
const AUTHENTICATION_DATA: u8 = 22;
const USER_PROPERTY: u8 = 38;

/// Every place that has properties.
const EVERYWHERE: Places = CONNECT
    | CONNACK
    | PUBLISH
    | WILL
    | ACKNOWLEDGE
    | SUBSCRIBE
    | SUBACK
    | UNSUBSCRIBE
    | UNSUBACK
    | DISCONNECT
    | AUTH;

/// Which property may stand where (table 2-4).
#[rustfmt::skip]
static PLACES: [(u8, Places); 27] = [
    (1, PUBLISH | WILL), // PayloadFormatIndicator
    (2, PUBLISH | WILL), // MessageExpiryInterval
    (3, PUBLISH | WILL), // ContentType
    (8, PUBLISH | WILL), // ResponseTopic
    (9, PUBLISH | WILL), // CorrelationData
    (SUBSCRIPTION_IDENTIFIER, PUBLISH | SUBSCRIBE), // SubscriptionIdentifier
    (17, CONNECT | CONNACK | DISCONNECT), // SessionExpiryInterval
    (18, CONNACK), // AssignedClientIdentifier
    (19, CONNACK), // ServerKeepAlive
    (AUTHENTICATION_METHOD, CONNECT | CONNACK | AUTH), // AuthenticationMethod
    (AUTHENTICATION_DATA, CONNECT | CONNACK | AUTH), // AuthenticationData
    (23, CONNECT), // RequestProblemInformation
    (24, WILL), // WillDelayInterval
    (25, CONNECT), // RequestResponseInformation
    (26, CONNACK), // ResponseInformation
    (28, CONNACK | DISCONNECT), // ServerReference
    (31, CONNACK | ACKNOWLEDGE | SUBACK | UNSUBACK | DISCONNECT | AUTH), // ReasonString
    (33, CONNECT | CONNACK), // ReceiveMaximum
    (34, CONNECT | CONNACK), // TopicAliasMaximum
    (35, PUBLISH), // TopicAlias
    (36, CONNACK), // MaximumQoS
    (37, CONNACK), // RetainAvailable
    (USER_PROPERTY, EVERYWHERE), // UserProperty
    (39, CONNECT | CONNACK), // MaximumPacketSize
    (40, CONNACK), // WildcardSubscriptionAvailable
    (41, CONNACK), // SubscriptionIdentifierAvailable
    (42, CONNACK), // SharedSubscriptionAvailable
];
