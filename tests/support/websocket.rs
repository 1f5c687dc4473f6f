//! An MQTT client in a WebSocket, on the library's own client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use gpio_gatekeeper::wire::mqtt::{
    Connect, Packet, PacketId, Properties, Publish, QoS, ReasonCode, Split, Subscribe, SubscribeOptions,
    TopicFilter, Version, decode, encode, split,
};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::{Request, generate_key};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, HandshakeError, Message, WebSocket};

use super::PATIENCE;
use super::mqtt::connect;

/// A WebSocket that was agreed on.
pub struct WebSocketClient<S = TcpStream> {
    /// The WebSocket.
    pub socket: WebSocket<S>,
    buffer: Vec<u8>,
}

/// The request of a client that knows what it does.
pub fn request(address: SocketAddr) -> Request {
    request_with(address, &[("Sec-WebSocket-Protocol", "mqtt")])
}

/// A request with these headers beside the usual ones.
pub fn request_with(address: SocketAddr, headers: &[(&'static str, &str)]) -> Request {
    let mut request = format!("ws://{address}/mqtt").into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a value"));
    }
    request
}

/// The bytes of a good request, for those who send them themselves.
pub fn request_bytes(address: SocketAddr) -> String {
    format!(
        "GET /mqtt HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
        generate_key()
    )
}

/// The bytes of packets.
pub fn bytes(packets: &[Packet]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for packet in packets {
        encode(packet, Version::V5, &mut bytes).expect("a good packet");
    }
    bytes
}

/// A SUBSCRIBE of QoS 0.
pub fn subscribe(filter: &str) -> Packet {
    let filters =
        vec![(TopicFilter::parse(filter).expect("valid"), SubscribeOptions::plain(QoS::AtMostOnce))];
    Packet::Subscribe(Subscribe { packet_id: PacketId::MIN, properties: Properties::new(), filters })
}

impl WebSocketClient {
    /// Opens a WebSocket; or gives the status and the words with which that was refused.
    pub fn open(address: SocketAddr, request: Request) -> Result<WebSocketClient, (u16, String)> {
        let stream = TcpStream::connect(address).expect("the daemon listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        WebSocketClient::open_over(stream, request)
    }

    /// Opens a WebSocket and connects as this client.
    pub fn connect(address: SocketAddr, client_id: &str) -> WebSocketClient {
        WebSocketClient::connect_with(address, connect(client_id))
    }

    /// The same with any CONNECT.
    pub fn connect_with(address: SocketAddr, connect: Connect) -> WebSocketClient {
        let mut client = WebSocketClient::open(address, request(address)).expect("a WebSocket");
        client.send(&[Packet::Connect(Box::new(connect))]);
        client.expect_connack();
        client
    }
}

impl<S: Read + Write> WebSocketClient<S> {
    /// Opens a WebSocket on a connection that there is already.
    pub fn open_over(stream: S, request: Request) -> Result<WebSocketClient<S>, (u16, String)> {
        match tungstenite::client::client(request, stream) {
            Ok((socket, response)) => {
                let agreed = response.headers().get("Sec-WebSocket-Protocol").map(|value| value.as_bytes());
                assert_eq!(agreed, Some(&b"mqtt"[..]));
                Ok(WebSocketClient { socket, buffer: Vec::new() })
            }
            Err(HandshakeError::Failure(Error::Http(response))) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
            }
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    /// Takes the CONNACK.
    pub fn expect_connack(&mut self) {
        match self.receive() {
            Packet::Connack(connack) => assert_eq!(connack.reason, ReasonCode::Success),
            other => panic!("no CONNACK: {other:?}"),
        }
    }

    /// Sends packets in one message.
    pub fn send(&mut self, packets: &[Packet]) {
        self.raw(&bytes(packets));
    }

    /// Sends bytes in one message.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.socket.send(Message::binary(bytes.to_vec())).expect("the daemon reads");
    }

    /// The next packet; or how the WebSocket was closed.
    pub fn next(&mut self) -> Result<Packet, CloseCode> {
        loop {
            if let Split::Packet { frame, length } = split(&self.buffer, usize::MAX).expect("good packets") {
                let packet = decode(&frame, Version::V5).expect("a good packet");
                self.buffer.drain(..length);
                return Ok(packet);
            }
            match self.socket.read().expect("the WebSocket goes on") {
                Message::Binary(bytes) => self.buffer.extend_from_slice(&bytes),
                Message::Close(frame) => return Err(frame.expect("a reason").code),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                Message::Text(text) => panic!("a text: {text}"),
            }
        }
    }

    /// The next packet, which has to come.
    pub fn receive(&mut self) -> Packet {
        self.next().expect("the conversation goes on")
    }

    /// The next publication, as topic and text.
    pub fn message(&mut self) -> (String, String) {
        loop {
            if let Packet::Publish(Publish { topic, payload, .. }) = self.receive() {
                let topic = topic.expect("no aliases were agreed on").to_string();
                return (topic, String::from_utf8(payload).expect("UTF-8"));
            }
        }
    }

    /// Subscribes and takes the answer.
    pub fn subscribe(&mut self, filter: &str) {
        self.send(&[subscribe(filter)]);
        while !matches!(self.receive(), Packet::Suback(_)) {}
    }

    /// Sends a ping of MQTT and takes everything up to its answer.
    pub fn ping(&mut self) {
        self.send(&[Packet::Pingreq]);
        while self.receive() != Packet::Pingresp {}
    }

    /// Reads until the connection ends, which it has to in order.
    pub fn end(mut self) {
        loop {
            match self.socket.read() {
                Ok(_) => {}
                Err(Error::ConnectionClosed) => return,
                Err(error) => panic!("no good end: {error}"),
            }
        }
    }
}
