//! An MQTT client that says what it expects, on the project's own codec.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU16;

use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Connack, Connect, Disconnect, Packet, PacketId, Properties, Property, Publish, QoS,
    ReasonCode, Split, Suback, Subscribe, SubscribeOptions, TopicFilter, TopicName, Unsubscribe, Version,
    Will, decode, encode, split,
};

use super::PATIENCE;
use super::tls::Transport;

/// A connection.
pub struct MqttClient {
    stream: Box<dyn Transport>,
    version: Version,
    buffer: Vec<u8>,
    /// Messages that came while an answer was waited for.
    early: VecDeque<Packet>,
    next: u16,
}

/// A CONNECT of MQTT 5.0 with this client identifier.
pub fn connect(client_id: &str) -> Connect {
    Connect {
        version: Version::V5,
        clean_start: true,
        keep_alive: 60,
        client_id: client_id.to_owned(),
        will: None,
        username: None,
        password: None,
        properties: Properties::new(),
    }
}

/// A will without properties.
pub fn will(topic: &str, payload: &str, retain: bool) -> Will {
    Will {
        topic: topic_name(topic),
        payload: payload.into(),
        qos: QoS::AtLeastOnce,
        retain,
        properties: Properties::new(),
    }
}

/// A publication with QoS 0.
pub fn publish(topic: &str, payload: &str) -> Publish {
    Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: Some(topic_name(topic)),
        packet_id: None,
        properties: Properties::new(),
        payload: payload.into(),
    }
}

/// A topic name.
pub fn topic_name(topic: &str) -> TopicName {
    TopicName::parse(topic).expect("valid")
}

impl MqttClient {
    /// Opens a connection and says nothing.
    pub fn open(address: SocketAddr, version: Version) -> MqttClient {
        let stream = TcpStream::connect(address).expect("the daemon listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        MqttClient::over(stream, version)
    }

    /// A connection that there is already.
    pub fn over(transport: impl Transport + 'static, version: Version) -> MqttClient {
        let stream: Box<dyn Transport> = Box::new(transport);
        MqttClient { stream, version, buffer: Vec::new(), early: VecDeque::new(), next: 0 }
    }

    /// Connects with MQTT 5.0 as this client.
    pub fn connect(address: SocketAddr, client_id: &str) -> MqttClient {
        MqttClient::connect_with(address, connect(client_id)).0
    }

    /// Connects, and gives the answer.
    pub fn connect_with(address: SocketAddr, connect: Connect) -> (MqttClient, Connack) {
        MqttClient::open(address, connect.version).introduce(connect)
    }

    /// Sends the CONNECT, and gives the answer.
    pub fn introduce(self, connect: Connect) -> (MqttClient, Connack) {
        let mut client = self;
        client.send(&Packet::Connect(Box::new(connect)));
        match client.receive() {
            Packet::Connack(connack) => (client, connack),
            other => panic!("no CONNACK: {other:?}"),
        }
    }

    /// Sends a packet.
    pub fn send(&mut self, packet: &Packet) {
        let mut bytes = Vec::new();
        encode(packet, self.version, &mut bytes).expect("a good packet");
        self.raw(&bytes);
    }

    /// Sends a packet to a daemon that may have gone away.
    pub fn try_send(&mut self, packet: &Packet) -> io::Result<()> {
        let mut bytes = Vec::new();
        encode(packet, self.version, &mut bytes).expect("a good packet");
        self.stream.write_all(&bytes)
    }

    /// Sends bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the daemon reads");
    }

    /// The next packet; nothing when the connection has ended.
    pub fn next(&mut self) -> Option<Packet> {
        self.early.pop_front().or_else(|| self.read())
    }

    fn read(&mut self) -> Option<Packet> {
        loop {
            if let Split::Packet { frame, length } = split(&self.buffer, usize::MAX).expect("good packets") {
                let packet = decode(&frame, self.version).expect("a good packet");
                self.buffer.drain(..length);
                return Some(packet);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(read) => self.buffer.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    /// The next packet, which has to come.
    pub fn receive(&mut self) -> Packet {
        self.next().expect("the connection goes on")
    }

    /// The next message, passing over everything else; one with QoS 1 is acknowledged.
    pub fn message(&mut self) -> Publish {
        loop {
            if let Packet::Publish(publish) = self.receive() {
                if let Some(id) = publish.packet_id {
                    self.send(&Packet::Puback(Acknowledge::success(id)));
                }
                return publish;
            }
        }
    }

    /// The next message of this topic, as text.
    pub fn message_on(&mut self, topic: &str) -> String {
        loop {
            let publish = self.message();
            if publish.topic.as_ref().map(TopicName::as_str) == Some(topic) {
                return String::from_utf8(publish.payload).expect("UTF-8");
            }
        }
    }

    /// Subscribes with QoS 0 and takes the answer.
    pub fn subscribe(&mut self, filter: &str) -> ReasonCode {
        self.subscribe_with(filter, SubscribeOptions::plain(QoS::AtMostOnce), Properties::new())
    }

    /// Subscribes and takes the answer; messages of earlier subscriptions may come before it.
    pub fn subscribe_with(
        &mut self,
        filter: &str,
        options: SubscribeOptions,
        properties: Properties,
    ) -> ReasonCode {
        let packet_id = self.packet_id();
        let filters = vec![(TopicFilter::parse(filter).expect("valid"), options)];
        self.send(&Packet::Subscribe(Subscribe { packet_id, properties, filters }));
        loop {
            match self.read().expect("the connection goes on") {
                Packet::Suback(Suback { packet_id: answered, reasons, .. }) if answered == packet_id => {
                    return reasons[0];
                }
                packet @ Packet::Publish(_) => self.early.push_back(packet),
                other => panic!("no SUBACK: {other:?}"),
            }
        }
    }

    /// Unsubscribes and takes the answer.
    pub fn unsubscribe(&mut self, filter: &str) -> ReasonCode {
        let packet_id = self.packet_id();
        let filters = vec![TopicFilter::parse(filter).expect("valid")];
        self.send(&Packet::Unsubscribe(Unsubscribe { packet_id, properties: Properties::new(), filters }));
        loop {
            match self.read().expect("the connection goes on") {
                Packet::Unsuback(unsuback) => {
                    return unsuback.reasons.first().copied().unwrap_or(ReasonCode::Success);
                }
                packet => self.early.push_back(packet),
            }
        }
    }

    /// Publishes with QoS 1 and takes the answer.
    pub fn publish(&mut self, publish: Publish) -> Acknowledge {
        let packet_id = Some(self.packet_id());
        self.send(&Packet::Publish(Publish { qos: QoS::AtLeastOnce, packet_id, ..publish }));
        loop {
            match self.read().expect("the connection goes on") {
                Packet::Puback(acknowledge) => {
                    assert_eq!(Some(acknowledge.packet_id), packet_id);
                    return acknowledge;
                }
                packet => self.early.push_back(packet),
            }
        }
    }

    /// Calls a method on `pi/rpc/commands`, and gives the answer that comes to the client's own topic.
    pub fn call(&mut self, client_id: &str, payload: &str) -> Publish {
        let topic = topic_name(&format!("pi/rpc/responses/{client_id}"));
        let mut request = publish("pi/rpc/commands", payload);
        request.properties.push(Property::ResponseTopic(topic.clone()));
        request.properties.push(Property::CorrelationData(b"42".to_vec()));
        self.send(&Packet::Publish(request));
        loop {
            let message = self.message();
            if message.topic.as_ref() == Some(&topic) {
                return message;
            }
        }
    }

    /// Says goodbye.
    pub fn disconnect(&mut self, reason: ReasonCode) {
        self.send(&Packet::Disconnect(Disconnect { reason, properties: Properties::new() }));
    }

    /// An identifier for a packet.
    pub fn packet_id(&mut self) -> PacketId {
        self.next = self.next.checked_add(1).unwrap_or(1);
        NonZeroU16::new(self.next).expect("not 0")
    }
}
