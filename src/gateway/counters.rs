//! Counters: what has come and gone since the start, and what there is now.
//!
//! Everybody who has something to count adds to it without a lock, a client's thread a few times for all that one
//! look at its socket brought; who reads it finds numbers that are each right, but not of the same instant.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::Protocol;

/// All of them.
#[derive(Debug, Default)]
pub struct Counters {
    /// What went over the line protocol.
    pub line: Traffic,
    /// What went over MQTT on plain connections.
    pub mqtt: Traffic,
    /// What went over MQTT in WebSockets; their own frames are not counted.
    pub websocket: Traffic,
    /// Connections to the HTTP listener, of which some became WebSockets.
    pub http_connections: Count,
    /// CONNECTs that were refused.
    pub refused: Count,
    /// Clients that were disconnected because they did not read.
    pub too_slow: Count,
    /// Commands that were refused because their client had sent more of them than it may in a second.
    pub too_fast: Count,
    /// Messages that were not sent to a client that had subscribed to them.
    pub dropped: Dropped,
    /// MQTT clients, over both ways, at one time: now, and the most there ever were.
    pub clients: Count,
    /// The most of them that there ever were at one time.
    pub most_clients: Count,
    /// What the bus has.
    pub bus: Census,
}

/// What goes over one protocol.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Connections since the start.
    pub connections: Count,
    /// Clients now.
    pub clients: Count,
    /// Bytes from clients.
    pub bytes_received: Count,
    /// Bytes to clients.
    pub bytes_sent: Count,
    /// Frames of the line protocol, or packets of MQTT, from clients.
    pub frames_received: Count,
    /// Frames or packets to clients.
    pub frames_sent: Count,
    /// PUBLISH packets from clients.
    pub publishes_received: Count,
    /// PUBLISH packets to clients.
    pub publishes_sent: Count,
}

/// Why messages were not sent.
#[derive(Debug, Default)]
pub struct Dropped {
    /// Larger than the client's Maximum Packet Size.
    pub too_large: Count,
    /// Their time had passed.
    pub expired: Count,
    /// They waited for a client that was disconnected because it did not read.
    pub outbox_full: Count,
    /// A newer state of the same device took their place, because the client read too slowly.
    pub replaced: Count,
}

/// What the bus has, as it was after its last letter.
#[derive(Debug, Default)]
pub struct Census {
    /// Subscriptions, also of clients that are not connected.
    pub subscriptions: Count,
    /// Retained messages.
    pub retained_messages: Count,
    /// Their bytes, about.
    pub retained_bytes: Count,
    /// Sessions of clients that are not connected.
    pub absent_sessions: Count,
    /// Messages that wait for those.
    pub waiting_messages: Count,
    /// The bytes that are kept for those, about.
    pub waiting_bytes: Count,
    /// Messages that were not put by for those, because there was no room.
    pub queue_full: Count,
    /// Sessions that ended because their client stayed away for too long.
    pub expired_sessions: Count,
}

/// A number that many threads may change.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

/// One client, counted as such until this is dropped.
#[derive(Debug)]
pub struct Counted {
    counters: Arc<Counters>,
    protocol: Protocol,
}

impl Count {
    /// Adds to it.
    pub fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    /// Makes it another; for numbers that only one thread changes.
    pub fn set(&self, number: usize) {
        self.0.store(number as u64, Ordering::Relaxed);
    }

    /// What it is.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// What goes over this protocol.
    pub fn of(&self, protocol: Protocol) -> &Traffic {
        match protocol {
            Protocol::Line => &self.line,
            Protocol::Mqtt => &self.mqtt,
            Protocol::WebSocket => &self.websocket,
        }
    }

    /// The sum over both ways on which MQTT is spoken.
    pub fn over_mqtt(&self, what: impl Fn(&Traffic) -> &Count) -> u64 {
        what(&self.mqtt).value() + what(&self.websocket).value()
    }

    /// Messages that did not reach a client which had subscribed to them, for whichever reason.
    pub fn all_dropped(&self) -> u64 {
        let Dropped { too_large, expired, outbox_full, replaced } = &self.dropped;
        let present = [too_large, expired, outbox_full, replaced].into_iter().map(Count::value).sum::<u64>();
        present + self.bus.queue_full.value()
    }
}

impl Counted {
    /// Counts one more client of this protocol.
    pub fn new(counters: &Arc<Counters>, protocol: Protocol) -> Counted {
        let traffic = counters.of(protocol);
        traffic.connections.add(1);
        traffic.clients.add(1);
        if protocol != Protocol::Line {
            let clients = counters.clients.0.fetch_add(1, Ordering::Relaxed) + 1;
            counters.most_clients.0.fetch_max(clients, Ordering::Relaxed);
        }
        Counted { counters: counters.clone(), protocol }
    }

    /// All counters.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What goes over its protocol.
    pub fn traffic(&self) -> &Traffic {
        self.counters.of(self.protocol)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.traffic().clients.0.fetch_sub(1, Ordering::Relaxed);
        if self.protocol != Protocol::Line {
            self.counters.clients.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_counted_as_long_as_they_are_there() {
        let counters = Arc::new(Counters::default());
        let first = Counted::new(&counters, Protocol::Mqtt);
        let second = Counted::new(&counters, Protocol::WebSocket);
        drop(Counted::new(&counters, Protocol::Line));
        drop(first);
        let third = Counted::new(&counters, Protocol::WebSocket);
        assert_eq!(
            [&counters.line, &counters.mqtt, &counters.websocket].map(|t| t.clients.value()),
            [0, 0, 2]
        );
        assert_eq!(counters.over_mqtt(|traffic| &traffic.connections), 3);
        assert_eq!((counters.clients.value(), counters.most_clients.value()), (2, 2));
        drop((second, third));
        assert_eq!(counters.clients.value(), 0);
    }
}
