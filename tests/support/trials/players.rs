//! Clients that keep to the protocol, and notice when the gatekeeper does not.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU16;

use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Connect, Disconnect, Packet, PacketId, Properties, Property, Publish, QoS, ReasonCode,
    Split, Subscribe, SubscribeOptions, TopicFilter, TopicName, Version, decode, encode, split,
};

use super::network::{Network, Patience};

/// One client, through all its connections.
pub struct Player {
    pub life: Life,
    name: &'static str,
    filters: &'static [(&'static str, QoS)],
    pub connection: Option<usize>,
    /// Its CONNACK has come.
    pub is_in: bool,
    has_session: bool,
    /// Its session is the connection.
    ends_with_connection: bool,
    pub is_subscribed: bool,
    version: Version,
    receive_maximum: NonZeroU16,
    buffer: Vec<u8>,
    next_id: u16,
    /// What it has published and the gatekeeper has not done with.
    pub sending: Vec<Sending>,
    /// Acknowledgements that it has not sent yet.
    answers: Vec<Packet>,
    /// Messages of QoS 2 that it has and that are not released.
    unreleased: HashSet<PacketId>,
    /// What it has been sent on this connection and not acknowledged.
    open: HashSet<PacketId>,
    aliases: HashMap<NonZeroU16, TopicName>,
    /// What happened since the journal was last taken.
    pub happened: Vec<Happened>,
}

/// How long the session of a client lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// For ever.
    Durable,
    /// As long as each CONNECT says.
    Fleeting,
}

/// A message on its way to the gatekeeper.
pub struct Sending {
    id: PacketId,
    number: usize,
    /// Nothing more when it is released.
    publish: Option<Publish>,
}

/// What a client has seen.
#[derive(Debug)]
pub enum Happened {
    /// The gatekeeper has taken on the message with this number.
    Accepted(usize),
    /// A message has come, as new as this client can tell.
    Received { number: usize, topic: String, qos: QoS, retain: bool },
    /// Its session is not there any more.
    SessionLost,
}

/// What a payload begins with that has a number.
const NUMBER: &str = "#number:";
/// As the gatekeeper announces it.
const WINDOW: usize = 32;

impl Player {
    pub fn new(
        name: &'static str,
        life: Life,
        filters: &'static [(&'static str, QoS)],
        window: u16,
    ) -> Player {
        Player {
            life,
            name,
            filters,
            connection: None,
            is_in: false,
            has_session: false,
            ends_with_connection: false,
            is_subscribed: false,
            version: Version::V5,
            receive_maximum: NonZeroU16::new(window).expect("not 0"),
            buffer: Vec::new(),
            next_id: 0,
            sending: Vec::new(),
            answers: Vec::new(),
            unreleased: HashSet::new(),
            open: HashSet::new(),
            aliases: HashMap::new(),
            happened: Vec::new(),
        }
    }

    /// Connects, whether or not it is connected already.
    pub fn connect(&mut self, network: &mut dyn Network, change: impl FnOnce(&mut Connect)) {
        let connection = network.connect();
        let mut properties = Properties::new().with(Property::ReceiveMaximum(self.receive_maximum));
        properties.push(Property::TopicAliasMaximum(self.receive_maximum.get() - 1));
        properties.push(Property::SessionExpiryInterval(u32::MAX));
        let mut connect = Connect {
            version: Version::V5,
            clean_start: false,
            keep_alive: 0,
            client_id: self.name.to_owned(),
            will: None,
            username: None,
            password: None,
            properties,
        };
        change(&mut connect);
        if connect.version == Version::V3 {
            connect.properties = Properties::new();
        }
        self.version = connect.version;
        self.forget_connection();
        if connect.clean_start {
            self.forget_session();
        }
        self.ends_with_connection = match connect.version {
            Version::V5 => connect.properties.session_expiry() == Some(0),
            Version::V3 => connect.clean_start,
        };
        self.connection = Some(connection);
        self.send(network, &Packet::Connect(Box::new(connect)));
    }

    /// The connection breaks.
    pub fn lose(&mut self, network: &mut dyn Network, patience: Patience) {
        if let Some(connection) = self.connection {
            network.lose(connection, patience);
        }
        self.forget_connection();
    }

    /// Says goodbye.
    pub fn disconnect(&mut self, network: &mut dyn Network, reason: ReasonCode) {
        self.send(network, &Packet::Disconnect(Disconnect { reason, properties: Properties::new() }));
        self.forget_connection();
    }

    /// Publishes the message with this number.
    pub fn publish(&mut self, network: &mut dyn Network, number: usize, publish: Publish) {
        let id = self.packet_id();
        let payload = format!("{NUMBER}{number}").into_bytes();
        let packet_id = (publish.qos != QoS::AtMostOnce).then_some(id);
        let publish = Publish { packet_id, payload, ..publish };
        self.send(network, &Packet::Publish(publish.clone()));
        if packet_id.is_some() {
            self.sending.push(Sending { id, number, publish: Some(publish) });
        }
    }

    /// Whether it may publish.
    pub fn may_publish(&self) -> bool {
        self.is_in && self.sending.len() < WINDOW
    }

    pub fn subscribe(&mut self, network: &mut dyn Network) {
        let option = |(filter, qos): &(&str, QoS)| {
            (TopicFilter::parse(filter).expect("valid"), SubscribeOptions::plain(*qos))
        };
        let filters = self.filters.iter().map(option).collect();
        let packet_id = self.packet_id();
        self.send(
            network,
            &Packet::Subscribe(Subscribe { packet_id, properties: Properties::new(), filters }),
        );
    }

    /// Reads what has come; its acknowledgements wait.  False when nothing has.
    pub fn read(&mut self, network: &mut dyn Network) -> bool {
        let Some(connection) = self.connection else { return false };
        self.buffer.append(&mut network.read(connection));
        let mut any = false;
        while let Split::Packet { frame, length } = split(&self.buffer, usize::MAX).expect("packets") {
            let packet = decode(&frame, self.version).expect("a good packet");
            self.buffer.drain(..length);
            any = true;
            self.receive(network, packet);
        }
        // Whatever is left of it was said.
        if self.connection == Some(connection) && network.is_over(connection) {
            self.forget_connection();
        }
        any
    }

    /// Sends the acknowledgements that wait; false when there are none.
    pub fn answer(&mut self, network: &mut dyn Network) -> bool {
        let answers = std::mem::take(&mut self.answers);
        for answer in &answers {
            match answer {
                Packet::Puback(acknowledge) | Packet::Pubcomp(acknowledge) => {
                    self.open.remove(&acknowledge.packet_id);
                }
                _ => {}
            }
            self.send(network, answer);
        }
        !answers.is_empty()
    }

    pub fn send(&self, network: &mut dyn Network, packet: &Packet) {
        let Some(connection) = self.connection else { return };
        let mut bytes = Vec::new();
        encode(packet, self.version, &mut bytes).expect("a good packet");
        network.write(connection, &bytes);
    }

    fn receive(&mut self, network: &mut dyn Network, packet: Packet) {
        assert_eq!(
            self.is_in,
            !matches!(packet, Packet::Connack(_)),
            "CONNACK comes first, and once: {packet:?}"
        );
        match packet {
            // An older connection of its own was heard later.
            Packet::Connack(connack) if connack.reason == ReasonCode::ServerUnavailable => {
                self.forget_connection();
            }
            Packet::Connack(connack) => {
                assert_eq!(connack.reason, ReasonCode::Success, "{connack:?}");
                self.is_in = true;
                self.begin(network, connack.session_present);
            }
            Packet::Suback(suback) => {
                assert_eq!(suback.reasons.len(), self.filters.len());
                self.is_subscribed = !suback.reasons.iter().any(|reason| reason.is_error());
            }
            Packet::Publish(publish) => self.take(publish),
            Packet::Pubrel(pubrel) => {
                self.unreleased.remove(&pubrel.packet_id);
                self.answers.push(Packet::Pubcomp(Acknowledge::success(pubrel.packet_id)));
            }
            Packet::Puback(acknowledge) => {
                let sent = self.sent(acknowledge.packet_id, QoS::AtLeastOnce);
                let sending = self.sending.remove(sent);
                self.accepted(&sending, acknowledge.reason);
            }
            Packet::Pubrec(acknowledge) => {
                let sent = self.sent(acknowledge.packet_id, QoS::ExactlyOnce);
                let sending = self.sending.remove(sent);
                self.accepted(&sending, acknowledge.reason);
                if !acknowledge.reason.is_error() {
                    self.sending.insert(sent, Sending { publish: None, ..sending });
                    self.answers.push(Packet::Pubrel(Acknowledge::success(acknowledge.packet_id)));
                }
            }
            Packet::Pubcomp(acknowledge) => {
                let known =
                    |sending: &Sending| sending.id == acknowledge.packet_id && sending.publish.is_none();
                let sent = self.sending.iter().position(known).expect("it was released");
                self.sending.remove(sent);
            }
            Packet::Disconnect(disconnect) => {
                let fair =
                    [ReasonCode::SessionTakenOver, ReasonCode::KeepAliveTimeout, ReasonCode::QuotaExceeded];
                assert!(fair.contains(&disconnect.reason), "{}: {disconnect:?}", self.name);
                self.forget_connection();
            }
            Packet::Pingresp => {}
            other => panic!("{}: unasked: {other:?}", self.name),
        }
    }

    fn begin(&mut self, network: &mut dyn Network, session_present: bool) {
        if !session_present {
            if self.has_session {
                self.happened.push(Happened::SessionLost);
            }
            self.forget_session();
        }
        self.has_session = true;
        for sending in &self.sending {
            // [MQTT-4.4.0-1]
            let again = match &sending.publish {
                Some(publish) => Packet::Publish(Publish { dup: true, ..publish.clone() }),
                None => Packet::Pubrel(Acknowledge::success(sending.id)),
            };
            self.send(network, &again);
        }
        if self.life == Life::Durable && !self.is_subscribed {
            self.subscribe(network);
        }
    }

    fn take(&mut self, publish: Publish) {
        let topic = match (publish.topic, publish.properties.topic_alias()) {
            (Some(topic), alias) => {
                if let Some(alias) = alias {
                    self.aliases.insert(alias, topic.clone());
                }
                topic
            }
            (None, Some(alias)) => self.aliases.get(&alias).cloned().expect("a known alias"),
            (None, None) => panic!("a message without a topic"),
        };
        let mut is_new = true;
        if let Some(id) = publish.packet_id {
            assert!(self.open.insert(id), "{}: {id} is in use", self.name);
            let window = if self.version == Version::V5 { self.receive_maximum.get() } else { u16::MAX };
            assert!(self.open.len() <= usize::from(window), "{}: more than its Receive Maximum", self.name);
            if publish.qos == QoS::AtLeastOnce {
                self.answers.push(Packet::Puback(Acknowledge::success(id)));
            } else {
                is_new = self.unreleased.insert(id);
                self.answers.push(Packet::Pubrec(Acknowledge::success(id)));
            }
        }
        let number = std::str::from_utf8(&publish.payload).ok().and_then(|text| text.strip_prefix(NUMBER));
        if let Some(number) = number.and_then(|number| number.parse().ok()).filter(|_| is_new) {
            let (qos, retain) = (publish.qos, publish.retain);
            self.happened.push(Happened::Received { number, topic: topic.as_str().to_owned(), qos, retain });
        }
    }

    fn sent(&self, id: PacketId, qos: QoS) -> usize {
        let known = |sending: &Sending| {
            // A second PUBREC may answer the second sending of what was released meanwhile.
            sending.id == id && sending.publish.as_ref().map_or(qos == QoS::ExactlyOnce, |p| p.qos == qos)
        };
        let found = self.sending.iter().position(known);
        found.unwrap_or_else(|| panic!("{}: {id} is acknowledged and was not sent", self.name))
    }

    fn accepted(&mut self, sending: &Sending, reason: ReasonCode) {
        if !reason.is_error() {
            self.happened.push(Happened::Accepted(sending.number));
        }
    }

    fn forget_connection(&mut self) {
        self.connection = None;
        self.is_in = false;
        self.buffer.clear();
        self.answers.clear();
        self.open.clear();
        self.aliases.clear();
        if self.ends_with_connection {
            self.forget_session();
        }
    }

    fn forget_session(&mut self) {
        self.has_session = false;
        self.sending.clear();
        self.unreleased.clear();
        self.is_subscribed = false;
    }

    fn packet_id(&mut self) -> PacketId {
        loop {
            self.next_id = self.next_id.wrapping_add(1);
            let id = PacketId::new(self.next_id);
            if let Some(id) = id.filter(|id| self.sending.iter().all(|sending| sending.id != *id)) {
                return id;
            }
        }
    }
}
