//! An MQTT connection that may end at any moment.

use std::io;
use std::net::{SocketAddr, TcpStream};

use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Connack, Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, Version,
};
use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt};

use super::books::Outcome;
use super::support::PATIENCE;
use super::support::mqtt::{MqttClient, connect, topic_name};

/// The connection.
pub struct Link {
    client: MqttClient,
    socket: TcpStream,
}

/// What a client with a session that outlives the daemon introduces itself with.
pub fn durable(client: &str) -> Connect {
    let properties = Properties::new().with(Property::SessionExpiryInterval(u32::MAX));
    Connect { clean_start: false, keep_alive: 0, properties, ..connect(client) }
}

/// A publication with this quality of service and packet identifier.
pub fn publication(topic: &str, payload: &str, qos: QoS, id: u16) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: Some(topic_name(topic)),
        packet_id: Some(id.try_into().expect("not 0")),
        properties: Properties::new(),
        payload: payload.into(),
    }
}

impl Link {
    /// Connects; nothing where the daemon is away, or goes away meanwhile.
    pub fn connect(address: SocketAddr, connect: Connect) -> Option<(Link, Connack)> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        let socket = stream.try_clone().expect("a second handle");
        let mut link = Link { client: MqttClient::over(stream, Version::V5), socket };
        link.send(&Packet::Connect(Box::new(connect))).ok()?;
        match link.next()? {
            Packet::Connack(connack) if connack.reason == ReasonCode::Success => Some((link, connack)),
            // It stops already.
            Packet::Connack(connack) if connack.reason == ReasonCode::ServerUnavailable => None,
            other => panic!("no CONNACK: {other:?}"),
        }
    }

    /// Sends a packet.
    pub fn send(&mut self, packet: &Packet) -> io::Result<()> {
        self.client.try_send(packet)
    }

    /// The next packet; nothing when the connection has ended.
    pub fn next(&mut self) -> Option<Packet> {
        // What it says at the end changes nothing.
        self.client.next().filter(|packet| !matches!(packet, Packet::Disconnect(_)))
    }

    /// Breaks it: what is on its way may be lost, in both directions.
    pub fn reset(self) {
        let at_once = linger { l_onoff: 1, l_linger: 0 };
        // It may have ended already.
        let _ = setsockopt(&self.socket, sockopt::Linger, &at_once);
    }
}

/// What a PUBACK or PUBREC says of a command or message.
pub fn outcome(acknowledge: &Acknowledge) -> Outcome {
    if acknowledge.reason == ReasonCode::Success {
        return Outcome::Acknowledged;
    }
    let words = acknowledge.properties.as_slice().iter().find_map(|property| match property {
        Property::ReasonString(words) => Some(words.as_str()),
        _ => None,
    });
    let code = words.and_then(|words| words.split_once(": ")).map(|(code, _)| code);
    // Without a code it is told that nobody knows what came of it.
    code.map_or(Outcome::Unknown, |code| Outcome::Refused(code.to_owned()))
}
