//! The line protocol as one client speaks it; `protocol.md` is its description.
//!
//! A [`LineConversation`] takes bytes and gives bytes.  `commands` has one row for each command of the protocol,
//! `translate` turns frames into commands and answers into frames, `about` knows what `LIST`, `DESCRIBE` and the
//! like tell, and the `watchdog` says when a client has been silent for too long.

mod about;
mod alerts;
mod commands;
mod conversation;
mod entering;
mod faults;
mod news;
mod subscribing;
#[cfg(test)]
mod tests;
mod thresholds;
mod translate;
mod watchdog;

use std::sync::Arc;
use std::time::Instant;

use log::{debug, warn};

pub use conversation::{LineConversation, LineSettings};

use super::{Counted, Outbox, Shared, close_on_dismissal, converse};
use crate::domain::Protocol;
use crate::net::Accepted;

/// Serves one client on its own thread, to the end.  `number` tells it from every other client of this protocol.
pub fn serve(accepted: Accepted, shared: &Shared, settings: &LineSettings, number: u64) {
    let Accepted { mut link, seat } = accepted;
    let peer = link.peer();
    let counted = Counted::new(&shared.counters, Protocol::Line);
    let outbox = match Outbox::new(shared.outbox) {
        Ok(outbox) => Arc::new(outbox),
        Err(error) => return warn!("no outbox for {peer}: {error}"),
    };
    close_on_dismissal(&seat, &outbox);
    let mut conversation = LineConversation::new(
        shared.clone(),
        *settings,
        outbox.clone(),
        link.known_peer(),
        number,
        seat,
        Instant::now(),
    );
    match converse(&mut link, &mut conversation, &outbox, &counted, settings.maximum_frame) {
        Ok(()) => debug!("line-{number}: {peer} is done"),
        Err(error) => debug!("line-{number}: {peer} is gone: {error}"),
    }
}
