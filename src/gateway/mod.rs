//! Frames to commands and events to frames, for each client.
//!
//! Every client has a thread, which runs a [`Conversation`] in its protocol: [`mod@line`] or [`mqtt`], to which
//! [`http`] is a second door.  What others
//! have for the client waits in its [`Outbox`].  The [`Bus`] is the thread that knows who is there and who wants
//! to hear of what.

pub(crate) mod access;
mod backlog;
mod bus;
mod counters;
mod desk;
pub mod http;
mod in_order;
mod lifetime;
pub mod line;
mod long_queue;
mod message;
pub mod mqtt;
mod orders;
mod outbox;
mod pace;
pub mod process;
mod pump;
mod statistics;
mod topics;
mod trail;
mod worker;

use std::num::NonZeroU32;
use std::sync::Arc;

pub use bus::{Attended, Bus, BusThread, Joining, Mailbox};
pub use counters::{Census, Count, Counted, Counters, Dropped, Traffic};
pub use desk::DeskSettings;
pub use in_order::InOrder;
pub use long_queue::LongQueue;
pub use message::{Body, Delivery, LogRecord, Message};
pub use outbox::{Done, Note, Outbox, OutboxLimits, Taken};
pub use pump::{Conversation, converse};
pub use statistics::Statistics;
pub use topics::{LEVELS, Reading, Space, Topics};
pub use trail::{Trail, TrailSettings};

use lifetime::Lifetime;

use crate::auth::Entrance;
use crate::control::Commands;
use crate::domain::{Refusal, Registry};
use crate::net::{Admission, Dismissal, Seat};

/// What every conversation may use.
#[derive(Clone)]
pub struct Shared {
    /// The way to the hardware thread.
    pub commands: Commands,
    /// The way to the bus.
    pub bus: Bus,
    /// What devices there are.
    pub registry: Arc<Registry>,
    /// What the topics are called.
    pub topics: Arc<Topics>,
    /// Who gets in, and as whom.
    pub entrance: Entrance,
    /// How many clients there are.
    pub admission: Admission,
    /// When the daemon was started.
    pub started: std::time::Instant,
    /// How many commands a client may send in a second.
    pub commands_per_second: NonZeroU32,
    /// How much may wait for a client.
    pub outbox: OutboxLimits,
    /// Where it is written down what is to outlive the daemon.
    pub journal: mqtt::store::Journal,
    /// What is counted.
    pub counters: Arc<Counters>,
}

/// A newcomer that has to go is told through its outbox, as everybody else is.
fn close_on_dismissal(seat: &Seat, outbox: &Arc<Outbox>) {
    let outbox = outbox.clone();
    seat.on_dismissal(move |why| {
        outbox.close(match why {
            Dismissal::Crowded => Refusal::too_many_clients(),
            Dismissal::Stopping => Refusal::stopping(),
        });
    });
}
