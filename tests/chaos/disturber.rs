//! Somebody who is up to no good: nonsense, half frames, other clients' names, and ears that are shut.

use std::net::{SocketAddr, TcpStream};

use gpio_gatekeeper::wire::mqtt::{Packet, Version};

use super::house::Addresses;
use super::line::Line;
use super::support::mqtt::{MqttClient, connect};
use super::tempo::Tempo;

/// So many connections that read nothing are kept at most.
const DEAF: usize = 5;

/// Disturbs everybody, `victims` by taking their names.
pub fn run(addresses: Addresses, victims: &[String], mut tempo: Tempo) {
    let mut deaf = Vec::new();
    while tempo.pause(150) {
        let victim = &victims[tempo.place(victims.len())];
        match tempo.below(6) {
            0 => nonsense(addresses.line, &mut tempo),
            1 => nonsense(addresses.mqtt, &mut tempo),
            2 => half_a_frame(addresses.line),
            // It goes at once, and the victim comes back.
            3 => drop(Line::connect(addresses.line, victim)),
            4 => {
                if let Ok(stream) = TcpStream::connect(addresses.mqtt) {
                    let mut client = MqttClient::over(stream, Version::V5);
                    let _ = client.try_send(&Packet::Connect(Box::new(connect("nobody in particular"))));
                }
            }
            _ => {
                deaf.extend(everything_unread(addresses.line));
                if deaf.len() > DEAF {
                    deaf.remove(0);
                }
            }
        }
    }
}

fn nonsense(address: SocketAddr, tempo: &mut Tempo) {
    let Some(mut line) = Line::open(address) else { return };
    let bytes: Vec<u8> = (0..tempo.below(200)).map(|_| tempo.below(256) as u8).collect();
    // Whether it is taken is the daemon's business.
    let _ = line.raw(&bytes);
}

fn half_a_frame(address: SocketAddr) {
    let Some(mut line) = Line::open(address) else { return };
    let _ = line.raw(b"|START|COMMAND=SET|DEVICE=free0|VALUE=1");
    line.reset();
}

/// A connection that is told of every change and never listens.
fn everything_unread(address: SocketAddr) -> Option<Line> {
    let mut line = Line::open(address)?;
    for _ in 0..200 {
        line.send("COMMAND=SUB|DEVICE=*").ok()?;
    }
    Some(line)
}
