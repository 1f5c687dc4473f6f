//! CONNECT: a client introduces itself, and may leave a will (section 3.1).

use super::fields::{binary, put_binary, put_text, put_u16, text};
use super::place::{CONNECT, WILL};
use super::{Frame, Malformed, Properties, QoS, ReasonCode, TopicName, Version};
use crate::wire::reader::Reader;

/// The first packet of a client.
///
/// An empty client identifier is for the server to judge [MQTT-3.1.3-6].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// The dialect of this connection from now on.
    pub version: Version,
    /// Whether to forget an earlier session; 3.1.1 calls it Clean Session.
    pub clean_start: bool,
    /// The longest silence of the client in seconds; 0 is without limit.
    pub keep_alive: u16,
    /// The name of the session; empty when the server shall choose one.
    pub client_id: String,
    /// What the server says when the client is lost.
    pub will: Option<Will>,
    /// The name under which the client wants to be known.
    pub username: Option<String>,
    /// The proof; 3.1.1 permits it only with a user name.
    pub password: Option<Vec<u8>>,
    /// What else the client says about itself.
    pub properties: Properties,
}

/// The message that the server publishes for a client that it has lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// Where it goes.
    pub topic: TopicName,
    /// What it says.
    pub payload: Vec<u8>,
    /// How it is delivered.
    pub qos: QoS,
    /// Whether it is retained.
    pub retain: bool,
    /// What else belongs to it.
    pub properties: Properties,
}

const PROTOCOL_NAME: &[u8] = b"MQTT";

const RESERVED: u8 = 0b0000_0001;
const CLEAN_START: u8 = 0b0000_0010;
const WILL_FLAG: u8 = 0b0000_0100;
const WILL_RETAIN: u8 = 0b0010_0000;
const PASSWORD: u8 = 0b0100_0000;
const USERNAME: u8 = 0b1000_0000;

/// In which dialect to answer a CONNECT that [`decode`](super::decode) refused.
///
/// A protocol level below 5 gets the return codes of 3.1.1; everything else gets reason codes.
pub fn dialect(frame: &Frame<'_>) -> Version {
    let mut reader = Reader::new(frame.body());
    let level = binary(&mut reader).ok().and_then(|_| reader.u8().ok());
    if level.is_some_and(|level| level < Version::V5.level()) { Version::V3 } else { Version::V5 }
}

impl Version {
    const fn level(self) -> u8 {
        match self {
            Version::V3 => 4,
            Version::V5 => 5,
        }
    }
}

impl Connect {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Connect, Malformed> {
        let version = protocol(reader)?;
        let flags = reader.u8()?;
        let has = |flag: u8| flags & flag != 0;
        if has(RESERVED) {
            return Err(Malformed::packet("the reserved flag of a CONNECT is set")); // [MQTT-3.1.2-3]
        }
        let keep_alive = reader.u16()?;
        let properties = match version {
            Version::V3 => Properties::new(),
            Version::V5 => Properties::decode(reader, CONNECT)?,
        };
        // [MQTT-3.1.3-1] The order of the payload: client identifier, will, user name, password.
        let client_id = text(reader)?.to_owned(); // [MQTT-3.1.3-3] [MQTT-3.1.3-4]
        let will = Will::decode(flags, reader, version)?;
        // [MQTT-3.1.2-16..19] [MQTT-3.1.3-12] Each is there exactly when its flag is set.
        let username = if has(USERNAME) { Some(text(reader)?.to_owned()) } else { None };
        let password = if has(PASSWORD) { Some(binary(reader)?.to_owned()) } else { None };
        let clean_start = has(CLEAN_START);
        let connect =
            Connect { version, clean_start, keep_alive, client_id, will, username, password, properties };
        connect.check()?;
        Ok(connect)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.check()?;
        put_binary(out, PROTOCOL_NAME)?;
        out.push(self.version.level());
        out.push(self.flags());
        put_u16(out, self.keep_alive);
        if self.version == Version::V5 {
            self.properties.encode(CONNECT, out)?;
        }
        put_text(out, &self.client_id)?;
        if let Some(will) = &self.will {
            will.encode(self.version, out)?;
        }
        if let Some(username) = &self.username {
            put_text(out, username)?;
        }
        if let Some(password) = &self.password {
            put_binary(out, password)?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Malformed> {
        if self.version == Version::V3 && self.password.is_some() && self.username.is_none() {
            // [3.1.1: MQTT-3.1.2-22] 5.0 permits it.
            return Err(Malformed::packet("there is a password without a user name"));
        }
        Ok(())
    }

    fn flags(&self) -> u8 {
        let flag = |bit: u8, set: bool| if set { bit } else { 0 };
        let will = self.will.as_ref();
        flag(CLEAN_START, self.clean_start)
            | flag(WILL_FLAG, will.is_some())
            | will.map_or(0, |will| will.qos.bits() << 3 | flag(WILL_RETAIN, will.retain))
            | flag(USERNAME, self.username.is_some())
            | flag(PASSWORD, self.password.is_some())
    }
}

fn protocol(reader: &mut Reader<'_>) -> Result<Version, Malformed> {
    let refuse = |what| Err(Malformed::new(ReasonCode::UnsupportedProtocolVersion, what));
    if binary(reader)? != PROTOCOL_NAME {
        return refuse("the protocol name is not MQTT"); // [MQTT-3.1.2-1]
    }
    match reader.u8()? {
        4 => Ok(Version::V3),
        5 => Ok(Version::V5),
        _ => refuse("the protocol level is neither 4 nor 5"), // [MQTT-3.1.2-2]
    }
}

impl Will {
    fn decode(flags: u8, reader: &mut Reader<'_>, version: Version) -> Result<Option<Will>, Malformed> {
        let retain = flags & WILL_RETAIN != 0;
        // [MQTT-3.1.2-12]
        let qos = QoS::from_bits(flags >> 3 & 0b11).ok_or(Malformed::packet("the QoS of the will is 3"))?;
        if flags & WILL_FLAG == 0 {
            if retain || qos != QoS::AtMostOnce {
                // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
                return Err(Malformed::packet("there are flags of a will without a will"));
            }
            return Ok(None);
        }
        // [MQTT-3.1.2-9]
        let properties = match version {
            Version::V3 => Properties::new(),
            Version::V5 => Properties::decode(reader, WILL)?,
        };
        let topic = TopicName::parse(text(reader)?)?; // [MQTT-3.1.3-11]
        let payload = binary(reader)?.to_owned();
        Ok(Some(Will { topic, payload, qos, retain, properties }))
    }

    fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if version == Version::V5 {
            self.properties.encode(WILL, out)?;
        }
        put_text(out, self.topic.as_str())?;
        put_binary(out, &self.payload)
    }
}
