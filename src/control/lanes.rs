//! What has reached the hardware thread and waits its turn: holders of leases and edges first, everything else in the
//! order in which it came.
//!
//! However many others send as fast as they may, who holds a lease waits for what is being done at the moment, and not
//! for what is to be done after it.  What one connection sends stays in its order.

use std::collections::VecDeque;

use super::ConnectionId;
use super::inbox::Message;
use crate::domain::Principal;

/// Both lanes.
#[derive(Default)]
pub(super) struct Lanes {
    first: VecDeque<Message>,
    later: VecDeque<Message>,
    /// So many of the first lane have gone one after the other.
    in_a_row: u32,
}

/// After so many of the first lane there is one of the other, so that holders can't keep everybody else out.
const IN_A_ROW: u32 = 16;
/// Empty lanes keep the place for so many.
const SPARE: usize = 64;

impl Lanes {
    /// Lines a message up; `holds` says who holds a lease now.
    pub(super) fn add(&mut self, message: Message, holds: impl FnOnce(&Principal) -> bool) {
        let is_first = match &message {
            // In their order: edges are those of a chip that was there.
            Message::Edge(_) | Message::Chip(_) => true,
            Message::Commands(requests, _) => requests.first().is_some_and(|request| {
                // Few hold anything, and only they are worth a look at what waits.
                let waits = || request.connection.is_some_and(|connection| self.has_later(connection));
                holds(&request.principal) && !waits()
            }),
            // What its end means for the lines is not to be kept waiting either.
            Message::Gone(connection) => !self.has_later(*connection),
            // The one asks how long things wait here, and before the other everything is done that was asked.
            Message::Pulse | Message::Stop => false,
            // It was not fresh when it came.
            Message::Reading(_) => false,
        };
        if is_first { self.first.push_back(message) } else { self.later.push_back(message) }
    }

    /// Whose turn it is.
    pub(super) fn next(&mut self) -> Option<Message> {
        let stops = matches!(self.later.front(), Some(Message::Stop));
        let others_turn = self.in_a_row >= IN_A_ROW && !self.later.is_empty() && !stops;
        if !self.first.is_empty() && !others_turn {
            self.in_a_row += 1;
            return self.first.pop_front();
        }
        self.in_a_row = 0;
        let next = self.later.pop_front();
        if next.is_none() && self.first.capacity() + self.later.capacity() > 2 * SPARE {
            *self = Lanes::default();
        }
        next
    }

    fn has_later(&self, connection: ConnectionId) -> bool {
        self.later.iter().any(|message| message.connection() == Some(connection))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::control::{Recipient, Request};
    use crate::domain::{Account, ClientId, LeaseOrder, LeaseToken, Order, Outcome, Protocol};
    use crate::hardware::Edge;

    struct Nobody;

    impl Recipient for Nobody {
        fn answer(&self, _ticket: u64, _outcome: Outcome) {}
    }

    /// A command of this client on a connection of its own number.
    fn command(client: &str, connection: u64, ticket: u64) -> Message {
        let principal = Principal {
            client: ClientId::parse(client).expect("valid"),
            address: ([127, 0, 0, 1], 5000).into(),
            protocol: Protocol::Line,
            certificate_name: None,
            account: Arc::new(Account::everybody()),
        };
        let request = Request {
            principal: Arc::new(principal),
            connection: Some(ConnectionId(connection)),
            order: Order::Lease(LeaseOrder::Renew(LeaseToken(1))),
            expires: None,
            recipient: Arc::new(Nobody),
            ticket,
        };
        Message::Commands(vec![request], Instant::now())
    }

    fn name(message: Message) -> String {
        match message {
            Message::Commands(requests, _) => {
                format!("{} {}", requests[0].principal.client, requests[0].ticket)
            }
            Message::Edge(_) => "edge".to_owned(),
            Message::Reading(_) => "reading".to_owned(),
            Message::Chip(_) => "chip".to_owned(),
            Message::Gone(ConnectionId(number)) => format!("gone {number}"),
            Message::Pulse => "pulse".to_owned(),
            Message::Stop => "stop".to_owned(),
        }
    }

    /// In which order these have their turns, where `holder` holds a lease.
    fn turns(messages: Vec<Message>) -> Vec<String> {
        let mut lanes = Lanes::default();
        for message in messages {
            lanes.add(message, |principal| principal.client.as_str() == "holder");
        }
        std::iter::from_fn(|| lanes.next()).map(name).collect()
    }

    #[test]
    fn who_holds_a_lease_is_served_first() {
        let edge = Edge { input: 0, value: None, timestamp_ns: 0, sequence: None };
        let messages = vec![
            command("a", 1, 1),
            command("holder", 2, 1),
            Message::Pulse,
            Message::Edge(edge),
            command("b", 3, 1),
        ];
        assert_eq!(turns(messages), ["holder 1", "edge", "a 1", "pulse", "b 1"]);
    }

    #[test]
    fn nothing_is_overtaken_on_its_own_connection() {
        let mut lanes = Lanes::default();
        // It gets its lease between its first command and its second.
        lanes.add(command("holder", 2, 1), |_| false);
        for message in [command("holder", 2, 2), command("holder", 7, 1), Message::Gone(ConnectionId(2))] {
            lanes.add(message, |_| true);
        }
        let turns: Vec<_> = std::iter::from_fn(|| lanes.next()).map(name).collect();
        assert_eq!(
            turns,
            ["holder 1", "holder 1", "holder 2", "gone 2"],
            "the second is of another connection"
        );
        assert_eq!(self::turns(vec![command("a", 1, 1), Message::Gone(ConnectionId(2))]), ["gone 2", "a 1"]);
    }

    #[test]
    fn holders_keep_nobody_out() {
        let mut messages = vec![command("a", 1, 1), command("a", 1, 2)];
        messages.extend((0..40).map(|ticket| command("holder", 2, ticket)));
        let turns = turns(messages);
        let place = |wanted: &str| turns.iter().position(|turn| turn == wanted);
        assert_eq!((place("a 1"), place("a 2"), turns.len()), (Some(16), Some(33), 42));
    }

    #[test]
    fn before_the_stop_everything_is_done_that_came_before() {
        let mut messages = vec![Message::Stop];
        messages.extend((0..40).map(|ticket| command("holder", 2, ticket)));
        assert_eq!(turns(messages).last().map(String::as_str), Some("stop"));
    }
}
