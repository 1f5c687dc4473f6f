//! Reason codes: one list for all packets, and the packets in which each may stand (section 2.4).

use std::fmt;

use super::Malformed;
use super::place::{
    ACKNOWLEDGE, AUTH, CONNACK, DISCONNECT, PUBACK, PUBCOMP, PUBREC, PUBREL, Places, SUBACK, UNSUBACK,
};

/// The outcome of an operation.  From 0x80 on it is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ReasonCode {
    /// It worked; also "Normal disconnection" and "Granted QoS 0".
    Success = 0x00,
    /// The subscription gets at most QoS 1.
    GrantedQos1 = 0x01,
    /// The subscription gets at most QoS 2.
    GrantedQos2 = 0x02,
    /// The client leaves and wants its will to be published.
    DisconnectWithWillMessage = 0x04,
    /// The message was accepted, and nobody subscribes to it.
    NoMatchingSubscribers = 0x10,
    /// There was nothing to unsubscribe from.
    NoSubscriptionExisted = 0x11,
    /// One more step of the authentication.
    ContinueAuthentication = 0x18,
    /// The client starts its authentication anew.
    ReAuthenticate = 0x19,
    /// Something failed that no other code names.
    UnspecifiedError = 0x80,
    /// The bytes could not be parsed.
    MalformedPacket = 0x81,
    /// The packet was forbidden there or then.
    ProtocolError = 0x82,
    /// The packet was right, and the receiver cannot do it.
    ImplementationSpecificError = 0x83,
    /// The protocol or its level is not spoken here.
    UnsupportedProtocolVersion = 0x84,
    /// The client identifier is not permitted.
    ClientIdentifierNotValid = 0x85,
    /// The credentials are wrong.
    BadUserNameOrPassword = 0x86,
    /// The client may not do this.
    NotAuthorized = 0x87,
    /// The server is not available.
    ServerUnavailable = 0x88,
    /// The server has too much to do; try again later.
    ServerBusy = 0x89,
    /// The client was banned.
    Banned = 0x8A,
    /// The server stops.
    ServerShuttingDown = 0x8B,
    /// The authentication method is unknown or not the one of the connection.
    BadAuthenticationMethod = 0x8C,
    /// Nothing was heard for one and a half times the keep alive.
    KeepAliveTimeout = 0x8D,
    /// Another connection uses this client identifier now.
    SessionTakenOver = 0x8E,
    /// The topic filter is wrong or not accepted.
    TopicFilterInvalid = 0x8F,
    /// The topic name is wrong or not accepted.
    TopicNameInvalid = 0x90,
    /// The packet identifier belongs to another packet still.
    PacketIdentifierInUse = 0x91,
    /// No packet with this identifier is under way.
    PacketIdentifierNotFound = 0x92,
    /// More messages were sent at once than the Receive Maximum permits.
    ReceiveMaximumExceeded = 0x93,
    /// The topic alias is zero or greater than the maximum.
    TopicAliasInvalid = 0x94,
    /// The packet is larger than the Maximum Packet Size.
    PacketTooLarge = 0x95,
    /// Data arrives too fast.
    MessageRateTooHigh = 0x96,
    /// A limit of the receiver is reached.
    QuotaExceeded = 0x97,
    /// An administrator closed the connection.
    AdministrativeAction = 0x98,
    /// The payload is not what its format indicator says.
    PayloadFormatInvalid = 0x99,
    /// Retained messages are not accepted.
    RetainNotSupported = 0x9A,
    /// The QoS is greater than the Maximum QoS.
    QosNotSupported = 0x9B,
    /// The client should use another server for now.
    UseAnotherServer = 0x9C,
    /// The client should use another server from now on.
    ServerMoved = 0x9D,
    /// Shared subscriptions are not accepted.
    SharedSubscriptionsNotSupported = 0x9E,
    /// Connections are made too fast.
    ConnectionRateExceeded = 0x9F,
    /// The connection lasted as long as it may.
    MaximumConnectTime = 0xA0,
    /// Subscription identifiers are not accepted.
    SubscriptionIdentifiersNotSupported = 0xA1,
    /// Filters with wildcards are not accepted.
    WildcardSubscriptionsNotSupported = 0xA2,
}

impl ReasonCode {
    /// The code for a byte, whatever the packet.
    pub fn from_byte(byte: u8) -> Option<ReasonCode> {
        TABLE.iter().map(|row| row.0).find(|code| code.byte() == byte)
    }

    /// The byte that stands for it in a packet.
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// Whether it reports a failure.
    pub fn is_error(self) -> bool {
        self.byte() >= 0x80
    }

    /// The code for a byte, if it may stand in this place.
    pub(super) fn at(place: Places, byte: u8) -> Result<ReasonCode, Malformed> {
        let code = ReasonCode::from_byte(byte).ok_or(Malformed::packet("the reason code is unknown"))?;
        code.check(place)?;
        Ok(code)
    }

    pub(super) fn check(self, place: Places) -> Result<(), Malformed> {
        // [MQTT-3.2.2-8] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.9.3-2]
        // [MQTT-3.11.3-2] [MQTT-3.14.2-1] [MQTT-3.15.2-1]
        if self.row().1 & place == 0 {
            return Err(Malformed::protocol("the reason code does not belong to this packet"));
        }
        Ok(())
    }

    fn row(self) -> &'static (ReasonCode, Places, &'static str) {
        // The first row stands in for one that is missing; a test shows that none is.
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }
}

impl TryFrom<u8> for ReasonCode {
    type Error = Malformed;

    fn try_from(byte: u8) -> Result<ReasonCode, Malformed> {
        ReasonCode::from_byte(byte).ok_or(Malformed::packet("the reason code is unknown"))
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.row().2)
    }
}

#[rustfmt::skip]
static TABLE: [(ReasonCode, Places, &str); 43] = [
    (ReasonCode::Success, CONNACK | ACKNOWLEDGE | SUBACK | UNSUBACK | DISCONNECT | AUTH, "success"),
    (ReasonCode::GrantedQos1, SUBACK, "granted QoS 1"),
    (ReasonCode::GrantedQos2, SUBACK, "granted QoS 2"),
    (ReasonCode::DisconnectWithWillMessage, DISCONNECT, "disconnect with will message"),
    (ReasonCode::NoMatchingSubscribers, PUBACK | PUBREC, "no matching subscribers"),
    (ReasonCode::NoSubscriptionExisted, UNSUBACK, "no subscription existed"),
    (ReasonCode::ContinueAuthentication, AUTH, "continue authentication"),
    (ReasonCode::ReAuthenticate, AUTH, "re-authenticate"),
    (ReasonCode::UnspecifiedError, CONNACK | PUBACK | PUBREC | SUBACK | UNSUBACK | DISCONNECT, "unspecified error"),
    (ReasonCode::MalformedPacket, CONNACK | DISCONNECT, "malformed packet"),
    (ReasonCode::ProtocolError, CONNACK | DISCONNECT, "protocol error"),
    (ReasonCode::ImplementationSpecificError, CONNACK | PUBACK | PUBREC | SUBACK | UNSUBACK | DISCONNECT, "implementation specific error"),
    (ReasonCode::UnsupportedProtocolVersion, CONNACK, "unsupported protocol version"),
    (ReasonCode::ClientIdentifierNotValid, CONNACK, "client identifier not valid"),
    (ReasonCode::BadUserNameOrPassword, CONNACK, "bad user name or password"),
    (ReasonCode::NotAuthorized, CONNACK | PUBACK | PUBREC | SUBACK | UNSUBACK | DISCONNECT, "not authorized"),
    (ReasonCode::ServerUnavailable, CONNACK, "server unavailable"),
    (ReasonCode::ServerBusy, CONNACK | DISCONNECT, "server busy"),
    (ReasonCode::Banned, CONNACK, "banned"),
    (ReasonCode::ServerShuttingDown, DISCONNECT, "server shutting down"),
    (ReasonCode::BadAuthenticationMethod, CONNACK | DISCONNECT, "bad authentication method"),
    (ReasonCode::KeepAliveTimeout, DISCONNECT, "keep alive timeout"),
    (ReasonCode::SessionTakenOver, DISCONNECT, "session taken over"),
    (ReasonCode::TopicFilterInvalid, SUBACK | UNSUBACK | DISCONNECT, "topic filter invalid"),
    (ReasonCode::TopicNameInvalid, CONNACK | PUBACK | PUBREC | DISCONNECT, "topic name invalid"),
    (ReasonCode::PacketIdentifierInUse, PUBACK | PUBREC | SUBACK | UNSUBACK, "packet identifier in use"),
    (ReasonCode::PacketIdentifierNotFound, PUBREL | PUBCOMP, "packet identifier not found"),
    (ReasonCode::ReceiveMaximumExceeded, DISCONNECT, "receive maximum exceeded"),
    (ReasonCode::TopicAliasInvalid, DISCONNECT, "topic alias invalid"),
    (ReasonCode::PacketTooLarge, CONNACK | DISCONNECT, "packet too large"),
    (ReasonCode::MessageRateTooHigh, DISCONNECT, "message rate too high"),
    (ReasonCode::QuotaExceeded, CONNACK | PUBACK | PUBREC | SUBACK | DISCONNECT, "quota exceeded"),
    (ReasonCode::AdministrativeAction, DISCONNECT, "administrative action"),
    (ReasonCode::PayloadFormatInvalid, CONNACK | PUBACK | PUBREC | DISCONNECT, "payload format invalid"),
    (ReasonCode::RetainNotSupported, CONNACK | DISCONNECT, "retain not supported"),
    (ReasonCode::QosNotSupported, CONNACK | DISCONNECT, "QoS not supported"),
    (ReasonCode::UseAnotherServer, CONNACK | DISCONNECT, "use another server"),
    (ReasonCode::ServerMoved, CONNACK | DISCONNECT, "server moved"),
    (ReasonCode::SharedSubscriptionsNotSupported, SUBACK | DISCONNECT, "shared subscriptions not supported"),
    (ReasonCode::ConnectionRateExceeded, CONNACK | DISCONNECT, "connection rate exceeded"),
    (ReasonCode::MaximumConnectTime, DISCONNECT, "maximum connect time"),
    (ReasonCode::SubscriptionIdentifiersNotSupported, SUBACK | DISCONNECT, "subscription identifiers not supported"),
    (ReasonCode::WildcardSubscriptionsNotSupported, SUBACK | DISCONNECT, "wildcard subscriptions not supported"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_row() {
        for byte in 0..=255 {
            if let Some(code) = ReasonCode::from_byte(byte) {
                assert_eq!(code.byte(), byte);
                assert_eq!(code.row().0, code);
            }
        }
        assert!(TABLE.is_sorted_by(|left, right| left.0 < right.0));
        assert_eq!(TABLE.last().map(|row| row.0), Some(ReasonCode::WildcardSubscriptionsNotSupported));
    }
}
