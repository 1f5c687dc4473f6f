//! MQTT: one client's conversation, its translation into commands, and the broker that all clients share.

pub mod broker;
mod connect;
mod conversation;
mod incoming;
pub mod json;
pub mod kept;
mod outgoing;
mod outlet;
mod reasons;
mod received;
mod reception;
mod session;
pub mod store;
#[cfg(test)]
mod tests;
pub(super) mod translate;
mod written;

use std::io;
use std::sync::Arc;
use std::time::Instant;

pub use conversation::{MqttConversation, MqttSettings};
use log::debug;

use super::{Counted, Outbox, Shared, close_on_dismissal, converse};
use crate::net::Accepted;

/// Serves one client until its connection, which is a stream of bytes [MQTT-4.2.0-1], ends.
pub fn serve(accepted: Accepted, shared: &Shared, settings: &MqttSettings, number: u64) {
    let Accepted { mut link, seat } = accepted;
    let peer = link.peer();
    let counted = Counted::new(&shared.counters, settings.protocol);
    let result = Outbox::new(shared.outbox).and_then(|outbox| {
        let outbox = Arc::new(outbox);
        close_on_dismissal(&seat, &outbox);
        let mut conversation = MqttConversation::new(
            shared.clone(),
            settings.clone(),
            outbox.clone(),
            link.known_peer(),
            number,
            seat,
            Instant::now(),
        );
        converse(&mut link, &mut conversation, &outbox, &counted, settings.maximum_packet)
    });
    ended(peer, &result);
}

fn ended(peer: std::net::SocketAddr, result: &io::Result<()>) {
    match result {
        Ok(()) => debug!("{peer}: the connection ended"),
        Err(error) => debug!("{peer}: the connection broke: {error}"),
    }
}
