//! What these tests share: a state folder, and one daemon after the other that has it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Connack, Connect, Packet, PacketId, Properties, Property, Publish, QoS, SubscribeOptions,
};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::support::DEMO_DEVICES;
use super::support::mqtt::{MqttClient, connect, publish};
use super::support::program::{Program, simulated};

/// A state folder that goes away with the test.
pub struct State(TempDir);

impl State {
    pub fn new() -> State {
        State(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The folder itself, which the daemon makes.
    pub fn folder(&self) -> PathBuf {
        self.0.path().join("state")
    }

    pub fn log(&self) -> PathBuf {
        self.folder().join("sessions.log")
    }

    /// The log, while nobody writes.
    pub fn bytes(&self) -> Vec<u8> {
        fs::read(self.log()).expect("it is there")
    }

    /// The configuration of a daemon that has it.
    pub fn config(&self) -> String {
        self.config_with("")
    }

    /// The same with these sections, each followed by a comma.
    pub fn config_with(&self, sections: &str) -> String {
        let folder = self.folder();
        let sections = format!(r#"{sections} "state_folder": {:?}, "#, folder.to_str().expect("UTF-8"));
        let listen = r#""mqtt": {"listen": "127.0.0.1:0""#;
        simulated(&sections, DEMO_DEVICES).replace(listen, &format!(r#"{listen}, "persistence": "file""#))
    }

    /// A daemon that has it.
    pub fn start(&self) -> Program {
        Program::start(&self.config())
    }
}

/// Ends it as a power failure would.
pub fn kill(daemon: Program) {
    daemon.process.signal(Signal::SIGKILL);
    daemon.process.end();
}

/// Ends it in order.
pub fn stop(daemon: Program) {
    let ended = daemon.stop(Signal::SIGTERM);
    assert_eq!(ended.code(), Some(0), "{}", ended.errors);
}

/// A CONNECT that goes on with a session, which then lives for so many seconds more.
pub fn going_on(client_id: &str, seconds: u32) -> Connect {
    let properties = Properties::new().with(Property::SessionExpiryInterval(seconds));
    Connect { clean_start: false, properties, ..connect(client_id) }
}

/// A client with a session of an hour.
pub fn open(address: SocketAddr, client_id: &str) -> (MqttClient, Connack) {
    MqttClient::connect_with(address, going_on(client_id, 3600))
}

/// The same, with a subscription.
pub fn subscribed(address: SocketAddr, client_id: &str, filter: &str, qos: QoS) -> MqttClient {
    let (mut client, connack) = open(address, client_id);
    assert!(!connack.session_present);
    client.subscribe_with(filter, SubscribeOptions::plain(qos), Properties::new());
    client
}

/// A retained message.
pub fn retained(topic: &str, payload: &str) -> Publish {
    Publish { retain: true, ..publish(topic, payload) }
}

/// A message of QoS 2 under this identifier.
pub fn twice(id: u16, topic: &str, payload: &str) -> Publish {
    Publish { qos: QoS::ExactlyOnce, packet_id: PacketId::new(id), ..publish(topic, payload) }
}

pub fn acknowledge(id: u16) -> Acknowledge {
    Acknowledge::success(PacketId::new(id).expect("not 0"))
}

/// The next packet, which is a message.
pub fn message(client: &mut MqttClient) -> Publish {
    match client.receive() {
        Packet::Publish(publish) => publish,
        other => panic!("no message: {other:?}"),
    }
}

/// What is retained at a filter, up to the word of a client that publishes after it.
pub fn retained_at(address: SocketAddr, filter: &str) -> Vec<String> {
    let mut client = MqttClient::connect(address, "");
    client.subscribe_with(filter, SubscribeOptions::plain(QoS::AtLeastOnce), Properties::new());
    client.subscribe("that/is/all");
    client.publish(publish("that/is/all", ""));
    let mut found = Vec::new();
    loop {
        let message = client.message();
        let topic = message.topic.expect("no alias").to_string();
        if topic == "that/is/all" {
            return found;
        }
        found.push(format!("{topic}={}", String::from_utf8(message.payload).expect("UTF-8")));
    }
}
