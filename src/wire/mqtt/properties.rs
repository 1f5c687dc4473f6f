//! The properties of one packet, in their order.

use std::num::{NonZeroU16, NonZeroU32};

use super::fields::{insert_length, put_varint, varint_size};
use super::place::Places;
use super::property::Admission;
use super::{Malformed, Property, QoS, TopicName};
use crate::wire::reader::Reader;

/// The properties of a packet or a will.
///
/// Each may stand there once; only user properties and, in a PUBLISH, subscription identifiers may
/// repeat.  The accessors answer with the standard's default, where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties {
    list: Vec<Property>,
}

impl Properties {
    /// No properties.
    pub const fn new() -> Properties {
        Properties { list: Vec::new() }
    }

    /// Adds a property at the end.
    pub fn push(&mut self, property: Property) {
        self.list.push(property);
    }

    /// Adds a property at the end and returns the whole.
    pub fn with(mut self, property: Property) -> Properties {
        self.list.push(property);
        self
    }

    /// Keeps only the properties for which the answer is true.
    pub fn retain(&mut self, keep: impl FnMut(&Property) -> bool) {
        self.list.retain(keep);
    }

    /// All properties in their order.
    pub fn as_slice(&self) -> &[Property] {
        &self.list
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The identifiers of the subscriptions, in their order.
    pub fn subscription_ids(&self) -> impl Iterator<Item = NonZeroU32> + '_ {
        self.list.iter().filter_map(|property| match property {
            Property::SubscriptionIdentifier(number) => Some(*number),
            _ => None,
        })
    }

    /// The names and values of the user properties, in their order.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> + '_ {
        self.list.iter().filter_map(|property| match property {
            Property::UserProperty(name, value) => Some((name.as_str(), value.as_str())),
            _ => None,
        })
    }

    /// Reads the length, and as many properties as it covers.
    pub(super) fn decode(reader: &mut Reader<'_>, place: Places) -> Result<Properties, Malformed> {
        let length = reader.varint()?;
        let mut block = reader.sub(length as usize)?;
        let mut admission = Admission::new(place);
        let mut properties = Properties::new();
        while !block.is_empty() {
            properties.push(Property::decode(&mut block, &mut admission)?);
        }
        admission.finish()?;
        Ok(properties)
    }

    /// Writes the properties and their length in front of them.
    pub(super) fn encode(&self, place: Places, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let start = out.len();
        put_all(&[&self.list], place, out)?;
        insert_length(out, start) // [MQTT-2.2.2-1] It is there for no properties, too.
    }
}

/// Writes a length and then the properties of all lists, without moving bytes.
pub(super) fn encode_lists(lists: &[&[Property]], place: Places, out: &mut Vec<u8>) -> Result<(), Malformed> {
    put_varint(out, block_size(lists))?;
    put_all(lists, place, out)
}

/// How many bytes [`encode_lists`] writes.
pub(super) fn lists_size(lists: &[&[Property]]) -> usize {
    let block = block_size(lists);
    varint_size(block) + block
}

fn block_size(lists: &[&[Property]]) -> usize {
    lists.iter().copied().flatten().map(Property::size).sum()
}

fn put_all(lists: &[&[Property]], place: Places, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut admission = Admission::new(place);
    for property in lists.iter().copied().flatten() {
        property.encode(&mut admission, out)?;
    }
    admission.finish()
}

/// The value of the first property of one kind.
macro_rules! first {
    ($properties:expr, $kind:ident) => {
        $properties.list.iter().find_map(|property| match property {
            Property::$kind(value) => Some(value),
            _ => None,
        })
    };
}

/// One accessor for each property that stands there once.
impl Properties {
    /// How many seconds the session outlives its connection; `u32::MAX` is for ever.
    pub fn session_expiry(&self) -> Option<u32> {
        first!(self, SessionExpiryInterval).copied()
    }

    /// How many messages with QoS 1 and 2 may be under way at once; without limit, 65535.
    pub fn receive_maximum(&self) -> NonZeroU16 {
        first!(self, ReceiveMaximum).copied().unwrap_or(NonZeroU16::MAX)
    }

    /// How many bytes a packet may have.
    pub fn maximum_packet_size(&self) -> Option<NonZeroU32> {
        first!(self, MaximumPacketSize).copied()
    }

    /// The greatest topic alias that is accepted; 0 is none.
    pub fn topic_alias_maximum(&self) -> u16 {
        first!(self, TopicAliasMaximum).copied().unwrap_or(0)
    }

    /// The number that stands for the topic.
    pub fn topic_alias(&self) -> Option<NonZeroU16> {
        first!(self, TopicAlias).copied()
    }

    /// Whether the payload is said to be UTF-8.
    pub fn payload_is_text(&self) -> bool {
        first!(self, PayloadFormatIndicator).copied().unwrap_or(false)
    }

    /// After how many seconds the message is worthless.
    pub fn message_expiry(&self) -> Option<u32> {
        first!(self, MessageExpiryInterval).copied()
    }

    /// What the payload is.
    pub fn content_type(&self) -> Option<&str> {
        first!(self, ContentType).map(String::as_str)
    }

    /// Where the answer is expected.
    pub fn response_topic(&self) -> Option<&TopicName> {
        first!(self, ResponseTopic)
    }

    /// What tells the requester which request is answered.
    pub fn correlation_data(&self) -> Option<&[u8]> {
        first!(self, CorrelationData).map(Vec::as_slice)
    }

    /// How many seconds the will waits; 0 when absent.
    pub fn will_delay(&self) -> u32 {
        first!(self, WillDelayInterval).copied().unwrap_or(0)
    }

    /// The reason in words.
    pub fn reason_string(&self) -> Option<&str> {
        first!(self, ReasonString).map(String::as_str)
    }

    /// The client identifier that the server chose.
    pub fn assigned_client_id(&self) -> Option<&str> {
        first!(self, AssignedClientIdentifier).map(String::as_str)
    }

    /// The keep alive in seconds that the server wants.
    pub fn server_keep_alive(&self) -> Option<u16> {
        first!(self, ServerKeepAlive).copied()
    }

    /// The name of the extended authentication.
    pub fn authentication_method(&self) -> Option<&str> {
        first!(self, AuthenticationMethod).map(String::as_str)
    }

    /// What the authentication method needs.
    pub fn authentication_data(&self) -> Option<&[u8]> {
        first!(self, AuthenticationData).map(Vec::as_slice)
    }

    /// Whether the client wants reason strings with every packet; true when absent.
    pub fn request_problem_information(&self) -> bool {
        first!(self, RequestProblemInformation).copied().unwrap_or(true)
    }

    /// Whether the client wants Response Information; false when absent.
    pub fn request_response_information(&self) -> bool {
        first!(self, RequestResponseInformation).copied().unwrap_or(false)
    }

    /// From what the client may build its response topics.
    pub fn response_information(&self) -> Option<&str> {
        first!(self, ResponseInformation).map(String::as_str)
    }

    /// Which other server to use.
    pub fn server_reference(&self) -> Option<&str> {
        first!(self, ServerReference).map(String::as_str)
    }

    /// The best quality that the server supports.
    pub fn maximum_qos(&self) -> QoS {
        first!(self, MaximumQoS).copied().unwrap_or(QoS::ExactlyOnce)
    }

    /// Whether the server keeps retained messages; true when absent.
    pub fn retain_available(&self) -> bool {
        first!(self, RetainAvailable).copied().unwrap_or(true)
    }

    /// Whether filters may have wildcards; true when absent.
    pub fn wildcard_subscription_available(&self) -> bool {
        first!(self, WildcardSubscriptionAvailable).copied().unwrap_or(true)
    }

    /// Whether subscriptions may have identifiers; true when absent.
    pub fn subscription_identifier_available(&self) -> bool {
        first!(self, SubscriptionIdentifierAvailable).copied().unwrap_or(true)
    }

    /// Whether subscriptions may be shared; true when absent.
    pub fn shared_subscription_available(&self) -> bool {
        first!(self, SharedSubscriptionAvailable).copied().unwrap_or(true)
    }
}

impl FromIterator<Property> for Properties {
    fn from_iter<I: IntoIterator<Item = Property>>(properties: I) -> Properties {
        Properties { list: properties.into_iter().collect() }
    }
}
