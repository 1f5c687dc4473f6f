//! The clients: blocking, and with as little work of their own as there can be.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Connect, Packet, PacketId, PacketType, Properties, Property, Publish, QoS, Split, Subscribe,
    SubscribeOptions, TopicFilter, TopicName, Version, encode, split,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Nothing that is measured takes so long; it only ends a run in which something is broken.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the bytes go over, plain or in TLS.
trait Transport: Read + Write {}

impl<T: Read + Write> Transport for T {}

/// A client of the line protocol.
pub struct LineClient {
    stream: TcpStream,
    /// The frames to switch the device on and off.
    frames: [Vec<u8>; 2],
    next: usize,
    buffer: Vec<u8>,
}

/// A client of MQTT 5.0.
pub struct MqttClient {
    stream: Box<dyn Transport>,
    input: Vec<u8>,
    buffer: Vec<u8>,
    requests: [Vec<u8>; 2],
    next: usize,
}

fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_nodelay(true).expect("no delay");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

fn read(stream: &mut impl Read, buffer: &mut [u8]) -> usize {
    let read = stream.read(buffer).expect("an answer in time");
    assert!(read > 0, "the server closed the connection");
    read
}

impl LineClient {
    /// The size of a request.
    pub const REQUEST: usize = "|START|COMMAND=SET|DEVICE=led|VALUE=0|END|\n".len();

    /// Connects.
    pub fn connect(address: SocketAddr) -> LineClient {
        let frame = |value| format!("|START|COMMAND=SET|DEVICE=led|VALUE={value}|END|\n").into_bytes();
        let frames = [frame(1), frame(0)];
        LineClient { stream: open(address), frames, next: 0, buffer: vec![0; 16 << 10] }
    }

    /// Sends a frame and gives its reply.
    pub fn ask(&mut self, frame: &str) -> String {
        self.stream.write_all(format!("{frame}\n").as_bytes()).expect("the server reads");
        let mut reply = Vec::new();
        while !reply.ends_with(b"\n") {
            let read = read(&mut self.stream, &mut self.buffer);
            reply.extend_from_slice(&self.buffer[..read]);
        }
        String::from_utf8(reply).expect("text")
    }

    /// Sends so many SETs at once, each of which changes the device, and waits for the replies; gives the moment
    /// in which the last one was there.
    pub fn set(&mut self, count: usize) -> Instant {
        if count == 1 {
            self.stream.write_all(&self.frames[self.next]).expect("the server reads");
            self.next ^= 1;
        } else {
            let both = [self.frames[0].as_slice(), &self.frames[1]].concat();
            self.stream.write_all(&both.repeat(count / 2)).expect("the server reads");
        }
        let mut replies = 0;
        while replies < count {
            let read = read(&mut self.stream, &mut self.buffer);
            replies += self.buffer[..read].iter().filter(|byte| **byte == b'\n').count();
        }
        Instant::now()
    }
}

impl MqttClient {
    /// Connects.
    pub fn connect(address: SocketAddr, client_id: &str) -> MqttClient {
        MqttClient::over(Box::new(open(address)), client_id)
    }

    /// Connects in TLS.
    pub fn connect_in_tls(address: SocketAddr, config: Arc<ClientConfig>, client_id: &str) -> MqttClient {
        let connection =
            ClientConnection::new(config, ServerName::from(address.ip())).expect("a good configuration");
        MqttClient::over(Box::new(StreamOwned::new(connection, open(address))), client_id)
    }

    fn over(stream: Box<dyn Transport>, client_id: &str) -> MqttClient {
        let connect = Packet::Connect(Box::new(Connect {
            version: Version::V5,
            clean_start: true,
            keep_alive: 600,
            client_id: client_id.to_owned(),
            will: None,
            username: None,
            password: None,
            properties: Properties::new(),
        }));
        let mut client = MqttClient {
            stream,
            input: Vec::new(),
            buffer: vec![0; 4096],
            requests: [rpc_request("on_"), rpc_request("off")],
            next: 0,
        };
        client.send(&encoded(&connect));
        client.take(PacketType::Connack);
        client
    }

    /// Subscribes.
    pub fn subscribe(&mut self, filter: &str, qos: u8) {
        let filter = TopicFilter::parse(filter).expect("valid");
        let subscribe = Packet::Subscribe(Subscribe {
            packet_id: PacketId::MIN,
            properties: Properties::new(),
            filters: vec![(filter, SubscribeOptions::plain(quality(qos)))],
        });
        self.send(&encoded(&subscribe));
        self.take(PacketType::Suback);
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// Calls a method that changes the device, and waits for the response; gives the moment in which it was there.
    pub fn call(&mut self) -> Instant {
        self.stream.write_all(&self.requests[self.next]).expect("the server reads");
        self.next ^= 1;
        self.take(PacketType::Publish)
    }

    /// A request as [`MqttClient::call`] sends it.
    pub fn request() -> Vec<u8> {
        rpc_request("off")
    }

    /// A publication of 64 bytes.
    pub fn message(topic: &str, qos: u8) -> Vec<u8> {
        encoded(&Packet::Publish(Publish {
            dup: false,
            qos: quality(qos),
            retain: false,
            topic: Some(TopicName::parse(topic).expect("valid")),
            packet_id: NonZeroU16::new(u16::from(qos)),
            properties: Properties::new(),
            payload: vec![b'x'; 64],
        }))
    }

    /// Waits for a message and acknowledges it where that is due; gives the moment in which it was there.
    pub fn take_publish(&mut self, qos: u8) -> Instant {
        let arrived = self.wait(PacketType::Publish);
        if qos > 0 {
            // The identifier follows the topic.
            let topic = usize::from(u16::from_be_bytes([self.input[2], self.input[3]]));
            let id = u16::from_be_bytes([self.input[4 + topic], self.input[5 + topic]]);
            let id = NonZeroU16::new(id).expect("a good packet");
            self.send(&encoded(&Packet::Puback(Acknowledge::success(id))));
        }
        self.drop_first();
        arrived
    }

    /// Waits for an acknowledgement where one is due.
    pub fn take_puback(&mut self, qos: u8) {
        if qos > 0 {
            self.take(PacketType::Puback);
        }
    }

    fn take(&mut self, wanted: PacketType) -> Instant {
        let arrived = self.wait(wanted);
        self.drop_first();
        arrived
    }

    /// Reads until there is a whole packet.
    fn wait(&mut self, wanted: PacketType) -> Instant {
        loop {
            if let Split::Packet { frame, .. } = split(&self.input, usize::MAX).expect("good packets") {
                assert_eq!(frame.packet_type(), wanted);
                return Instant::now();
            }
            let read = read(&mut self.stream, &mut self.buffer);
            self.input.extend_from_slice(&self.buffer[..read]);
        }
    }

    fn drop_first(&mut self) {
        if let Ok(Split::Packet { length, .. }) = split(&self.input, usize::MAX) {
            self.input.drain(..length);
        }
    }
}

fn quality(qos: u8) -> QoS {
    if qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce }
}

/// A request to switch the device; the word is three letters long, of which a `_` stands for a blank elsewhere, so
/// that all requests have one size.
fn rpc_request(word: &str) -> Vec<u8> {
    let method = word.trim_end_matches('_');
    let blank = " ".repeat(word.len() - method.len());
    let properties = Properties::new()
        .with(Property::ResponseTopic(TopicName::parse("pi/rpc/responses/caller").expect("valid")))
        .with(Property::CorrelationData(b"12345678".to_vec()));
    encoded(&Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: Some(TopicName::parse("pi/rpc/commands").expect("valid")),
        packet_id: None,
        properties,
        payload: format!("{{\"device\": \"led\", {blank}\"method\": \"{method}\"}}").into_bytes(),
    }))
}

fn encoded(packet: &Packet) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(packet, Version::V5, &mut bytes).expect("a good packet");
    bytes
}
