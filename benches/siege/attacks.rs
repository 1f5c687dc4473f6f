//! The attacks, each with as many threads as it takes.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use gpio_gatekeeper::wire::mqtt::Packet;
use rcgen::{CertificateParams, DnType, date_time_ymd};

use super::castle::Gates;
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, connect, publish};
use super::support::tls::{Authority, Signed, shake_hands};
use super::support::websocket::bytes;

/// One of them.
pub struct Attack {
    pub name: &'static str,
    pub begin: fn(&Field) -> Vec<JoinHandle<()>>,
}

/// Where it takes place.
#[derive(Clone)]
pub struct Field {
    gates: Arc<Gates>,
    over: Arc<AtomicBool>,
    attempts: Arc<AtomicU64>,
}

/// What a door does to what it can't take.
enum Door {
    Closed,
    Open(Vec<u8>),
}

/// In the order in which they come.
pub const ATTACKS: [Attack; 13] = [
    Attack { name: "peace", begin: |_| Vec::new() },
    Attack { name: "one line client, as fast as it can", begin: |field| line_floods(field, 1) },
    Attack { name: "one MQTT client, as fast as it can", begin: |field| mqtt_floods(field, 1) },
    Attack {
        name: "50 of each, as fast as they can",
        begin: |field| {
            let mut threads = line_floods(field, 50);
            threads.extend(mqtt_floods(field, 50));
            threads
        },
    },
    Attack {
        name: "40 clients guess passwords",
        begin: |field| {
            (0..40).map(|number| field.again_and_again(move |field| guess(field, number))).collect()
        },
    },
    Attack {
        name: "40 clients guess tokens",
        begin: |field| {
            (0..40).map(|number| field.again_and_again(move |field| guess_token(field, number))).collect()
        },
    },
    Attack { name: "slow-loris at six doors, 300 clients", begin: |field| vec![slow_loris(field, 300)] },
    Attack { name: "half-open TLS handshakes, 300 clients", begin: |field| vec![half_open(field, 300)] },
    Attack {
        name: "certificates of the wrong CA",
        begin: |field| {
            let wrong = Authority::new().client(Some("holder"), "urn:holder");
            shaking(field, &wrong)
        },
    },
    Attack {
        name: "expired certificates",
        begin: |field| {
            let mut params = CertificateParams::new(Vec::new()).expect("no names");
            params.distinguished_name.push(DnType::CommonName, "holder");
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
            shaking(field, &field.gates.authority.sign(&params))
        },
    },
    Attack {
        name: "TLS 1.0 and 1.1",
        begin: |field| {
            (0..4).map(|number| field.again_and_again(move |field| downgrade(field, number))).collect()
        },
    },
    Attack { name: "10,000 connections that stay", begin: |field| vec![crowd(field, 10_000)] },
    Attack { name: "peace again", begin: |_| Vec::new() },
];

impl Field {
    pub fn new(gates: &Arc<Gates>) -> Field {
        Field { gates: gates.clone(), over: Arc::default(), attempts: Arc::default() }
    }

    /// Ends the attack, and says how often it was tried.
    pub fn end(&self, attackers: Vec<JoinHandle<()>>) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        attackers.into_iter().for_each(|attacker| attacker.join().expect("nothing came of it"));
        self.attempts.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn tried(&self, times: u64) {
        self.attempts.fetch_add(times, Ordering::Relaxed);
    }

    fn again_and_again(&self, attempt: impl Fn(&Field) + Send + 'static) -> JoinHandle<()> {
        let field = self.clone();
        std::thread::spawn(move || {
            while !field.is_over() {
                attempt(&field);
            }
        })
    }
}

/// Operators who are let in and send 32 commands at once, again and again.
fn line_floods(field: &Field, clients: usize) -> Vec<JoinHandle<()>> {
    let frames = "|START|COMMAND=SET|DEVICE=led|VALUE=TOGGLE|END|".repeat(32);
    let client = |_| {
        let (field, frames) = (field.clone(), frames.clone());
        std::thread::spawn(move || {
            let mut line = LineClient::connect(field.gates.line);
            line.expect(&format!("COMMAND=AUTH|TOKEN={}", field.gates.other), "REPLY=OK");
            line.expect("COMMAND=DO|DEVICE=motor|ACTION=backward", "CODE=HELD");
            while !field.is_over() {
                line.raw(frames.as_bytes());
                (0..32).for_each(|_| drop(line.reply()));
                field.tried(32);
            }
        })
    };
    (0..clients).map(client).collect()
}

/// The same over MQTT, where nothing is acknowledged but every 32nd.
fn mqtt_floods(field: &Field, clients: usize) -> Vec<JoinHandle<()>> {
    let toggles = bytes(&vec![Packet::Publish(publish("pi/devices/led/set", "TOGGLE")); 31]);
    let client = |number: usize| {
        let (field, toggles) = (field.clone(), toggles.clone());
        std::thread::spawn(move || {
            let id = format!("flood-{number}");
            let mut hello = connect(&id);
            hello.password = Some(field.gates.other.clone().into_bytes());
            let (mut client, _) = MqttClient::connect_with(field.gates.mqtt, hello);
            while !field.is_over() {
                client.raw(&toggles);
                client.publish(publish("pi/devices/led/set", "TOGGLE"));
                field.tried(32);
            }
        })
    };
    (0..clients).map(client).collect()
}

fn open(address: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(500))).ok()?;
    Some(stream)
}

/// Sends something and gives what comes of it at first; nothing is an answer, too.
fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> Door {
    let mut answer = vec![0; 1024];
    if stream.write_all(bytes).is_err() {
        return Door::Closed;
    }
    match stream.read(&mut answer) {
        Ok(read) if read > 0 => {
            answer.truncate(read);
            Door::Open(answer)
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Door::Open(Vec::new())
        }
        _ => Door::Closed,
    }
}

/// Guesses the holder's password, over either protocol.
fn guess(field: &Field, number: u64) {
    let Some(mut stream) = open(if number % 2 == 0 { field.gates.line } else { field.gates.mqtt }) else {
        return;
    };
    loop {
        let password = format!("guess {number} {}", field.attempts.load(Ordering::Relaxed));
        let bytes = if number % 2 == 0 {
            format!("|START|COMMAND=AUTH|USER=holder|PASSWORD={password}|END|\n").into_bytes()
        } else {
            introduction(Some("holder"), &password)
        };
        let Door::Open(answer) = exchange(&mut stream, &bytes) else { return };
        field.tried(1);
        is_no_welcome(&answer);
        if number % 2 == 1 || field.is_over() {
            return;
        }
    }
}

fn guess_token(field: &Field, number: u64) {
    let address = if number % 2 == 0 { field.gates.line } else { field.gates.mqtt };
    let Some(mut stream) = open(address) else { return };
    let token =
        format!("gk_{:040x}", u128::from(number) << 64 | u128::from(field.attempts.load(Ordering::Relaxed)));
    let bytes = if number % 2 == 0 {
        format!("|START|COMMAND=AUTH|TOKEN={token}|END|\n").into_bytes()
    } else {
        introduction(None, &token)
    };
    if let Door::Open(answer) = exchange(&mut stream, &bytes) {
        field.tried(1);
        is_no_welcome(&answer);
    }
}

/// A CONNECT with credentials.
fn introduction(user: Option<&str>, password: &str) -> Vec<u8> {
    let mut hello = connect("burglar");
    (hello.username, hello.password) = (user.map(str::to_owned), Some(password.as_bytes().to_vec()));
    bytes(&[Packet::Connect(Box::new(hello))])
}

fn is_no_welcome(answer: &[u8]) {
    let text = String::from_utf8_lossy(answer);
    // A CONNACK has its reason code in its fourth byte.
    let is_welcome = text.contains("REPLY=OK") || matches!(answer, [0x20, _, _, 0, ..]);
    assert!(!is_welcome, "{text}");
}

/// Keeps so many connections at all doors, each of which gets one byte of something endless now and then.
fn slow_loris(field: &Field, count: usize) -> JoinHandle<()> {
    let endless: [&'static [u8]; 3] =
        [b"|START|COMMAND=AUTH|USER=", &[0x10, 0xff, 0xff, 0x7f, 0, 4], b"GET /health HTTP/1.1\r\nX-a: "];
    trickle(field, count, move |place| endless[place % 3], 0)
}

/// The same at the doors of TLS with the beginning of a handshake: a record whose end never comes.
fn half_open(field: &Field, count: usize) -> JoinHandle<()> {
    trickle(field, count, |_| &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], 3)
}

/// Connections to the doors from this one on.  Those that are closed come anew.
fn trickle(
    field: &Field,
    count: usize,
    words: impl Fn(usize) -> &'static [u8] + Send + 'static,
    first: usize,
) -> JoinHandle<()> {
    let field = field.clone();
    std::thread::spawn(move || {
        let doors = field.gates.all();
        let doors = &doors[first..];
        let mut streams: Vec<Option<(TcpStream, usize)>> = (0..count).map(|_| None).collect();
        while !field.is_over() {
            for (place, stream) in streams.iter_mut().enumerate() {
                match stream {
                    None => {
                        field.tried(1);
                        *stream = open(doors[place % doors.len()]).map(|stream| (stream, 0));
                    }
                    Some((socket, sent)) => {
                        let words = words(place % doors.len());
                        let byte = words.get(*sent).copied().unwrap_or(b'x');
                        *sent += 1;
                        if socket.write_all(&[byte]).is_err() {
                            *stream = None;
                        }
                    }
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    })
}

/// Shows a certificate that is not good, at every door of TLS.
fn shaking(field: &Field, own: &Signed) -> Vec<JoinHandle<()>> {
    let config = field.gates.authority.trusting(rustls::ALL_VERSIONS, Some(own));
    let doors = [field.gates.line_tls, field.gates.mqtt_tls, field.gates.http_tls];
    let shake = |door: SocketAddr| {
        let config = config.clone();
        field.again_and_again(move |field| {
            field.tried(1);
            // In TLS 1.3 a client hears only later that its certificate was refused.
            if let Ok(mut stream) = shake_hands(door, config.clone()) {
                let _ = stream.write_all(b"|START|COMMAND=HELP|END|\n");
                assert!(!matches!(stream.read(&mut [0; 100]), Ok(1..)), "it came in");
            }
        })
    };
    doors.map(shake).into()
}

/// Asks for TLS 1.0 or 1.1, which is answered by an alert.
fn downgrade(field: &Field, number: usize) {
    let version = 1 + (number % 2) as u8;
    // A ClientHello: version, random, no session, two suites of that time, no compression.
    let mut hello = vec![1, 0, 0, 45, 3, version];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x14, 0, 0x35, 1, 0, 0, 0]);
    hello[3] = (hello.len() - 4) as u8;
    let mut record = vec![0x16, 3, 1, 0, hello.len() as u8];
    record.append(&mut hello);
    let doors = [field.gates.line_tls, field.gates.mqtt_tls, field.gates.http_tls];
    let Some(mut stream) = open(doors[number % 3]) else { return };
    field.tried(1);
    if let Door::Open(answer) = exchange(&mut stream, &record) {
        assert!(matches!(answer.first(), None | Some(0x15)), "it is an alert: {answer:?}");
    }
}

/// So many connections, which say nothing and are kept from this side.
fn crowd(field: &Field, count: usize) -> JoinHandle<()> {
    let field = field.clone();
    std::thread::spawn(move || {
        let doors = field.gates.all();
        let mut streams = Vec::with_capacity(count);
        for place in 0..count {
            if field.is_over() {
                break;
            }
            if let Ok(stream) = TcpStream::connect(doors[place % doors.len()]) {
                field.tried(1);
                streams.push(stream);
            }
        }
        while !field.is_over() {
            std::thread::sleep(Duration::from_millis(50));
        }
    })
}
