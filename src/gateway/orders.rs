//! A client's orders on their way to the hardware thread: those of one input go together.

use std::sync::Arc;
use std::time::Instant;

use super::pace::{Pace, TooFast};
use super::{Counters, Outbox, Shared};
use crate::control::{Commands, Request, Tether};
use crate::domain::{Order, Principal};

/// What one connection has for the hardware thread.
pub(super) struct Orders {
    commands: Commands,
    counters: Arc<Counters>,
    pace: Pace,
    /// Ties the connection to the hardware thread, once it has had orders.
    tether: Option<Tether>,
    /// Those that the hardware thread is about to get.
    ready: Vec<Request>,
}

impl Orders {
    /// Of a connection that has had none.
    pub(super) fn new(shared: &Shared) -> Orders {
        let (commands, pace) = (shared.commands.clone(), Pace::new(shared.commands_per_second));
        let counters = shared.counters.clone();
        Orders { commands, counters, pace, tether: None, ready: Vec::new() }
    }

    /// Whether the client may have one more now.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), TooFast> {
        self.pace.admit(now).inspect_err(|_| self.counters.too_fast.add(1))
    }

    /// Adds one, which is not carried out any more when it has expired; the outcome goes to the outbox under this
    /// ticket.
    pub(super) fn add(
        &mut self,
        principal: &Arc<Principal>,
        order: Order,
        expires: Option<Instant>,
        outbox: &Arc<Outbox>,
        ticket: u64,
    ) {
        let tether = self.tether.get_or_insert_with(|| self.commands.tether());
        let connection = Some(tether.connection());
        let (principal, recipient) = (principal.clone(), outbox.clone());
        self.ready.push(Request { principal, connection, order, expires, recipient, ticket });
    }

    /// Gives them to the hardware thread.
    pub(super) fn hand_over(&mut self) {
        self.commands.send(std::mem::take(&mut self.ready));
    }

    /// The last ones: who says no more holds nothing any more, and waits for nothing.
    pub(super) fn end(&mut self) {
        self.hand_over();
        self.tether = None;
    }
}
