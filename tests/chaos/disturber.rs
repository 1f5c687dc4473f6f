//! Somebody who is up to no good: nonsense, half frames, other clients' names, and ears that are shut.

use std::net::SocketAddr;

use gpio_gatekeeper::wire::mqtt::{
    Packet, PacketId, Properties, QoS, Subscribe, SubscribeOptions, TopicFilter,
};

use super::house::Addresses;
use super::line::Line;
use super::mqtt::{Link, durable};
use super::support::mqtt::connect;
use super::tempo::Tempo;

/// So many connections that read nothing are kept at most.
const DEAF: usize = 5;

/// Whose names are taken.
pub struct Victims {
    /// Those who keep nothing when they go.
    pub fleeting: Vec<String>,
    /// Those who have a session that outlives their connections.
    pub durable: Vec<String>,
}

/// Disturbs everybody.
pub fn run(addresses: Addresses, victims: &Victims, mut tempo: Tempo) {
    let (mut deaf, mut deaf_links) = (Vec::new(), Vec::new());
    while tempo.pause(150) {
        let victim = &victims.fleeting[tempo.place(victims.fleeting.len())];
        let durable_victim = &victims.durable[tempo.place(victims.durable.len())];
        match tempo.below(8) {
            0 => nonsense(addresses.line, &mut tempo),
            1 => nonsense(addresses.mqtt, &mut tempo),
            2 => half_a_frame(addresses.line),
            // It goes at once, and the victim comes back.
            3 => drop(Line::connect(addresses.line, victim)),
            4 => drop(Link::connect(addresses.mqtt, connect(victim))),
            5 => drop(Link::connect(addresses.mqtt, durable(durable_victim))),
            6 => {
                deaf_links.extend(everything_unread_over_mqtt(addresses.mqtt));
                if deaf_links.len() > DEAF {
                    deaf_links.remove(0);
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

/// The same over MQTT, under a name that the daemon gives.
fn everything_unread_over_mqtt(address: SocketAddr) -> Option<Link> {
    let (mut link, _) = Link::connect(address, connect(""))?;
    let filters = vec![(TopicFilter::parse("#").ok()?, SubscribeOptions::plain(QoS::AtLeastOnce))];
    let subscribe = Subscribe { packet_id: PacketId::MIN, properties: Properties::new(), filters };
    link.send(&Packet::Subscribe(subscribe)).ok()?;
    Some(link)
}
