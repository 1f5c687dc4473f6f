//! The way to the disk: the hardware thread says what is to be kept, and somebody else waits for the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SendError, Sender, channel};

use crate::control::{Recipient, Request};
use crate::domain::{Keeping, Reply, Standing};

/// Where thresholds that were set are sent to be kept; by default nowhere.
#[derive(Clone, Default)]
pub struct Keeper(Option<(Sender<Keep>, Arc<AtomicBool>)>);

/// The other end of a [`Keeper`].
pub struct Keeps {
    waiting: Receiver<Keep>,
    is_failing: Arc<AtomicBool>,
}

/// What is to be kept, and who waits for that.
pub struct Keep {
    /// Every threshold that was set while the gatekeeper ran, in the order of their names.
    pub thresholds: Vec<Standing>,
    /// The one that was set now; nothing where one was deleted.
    set: Option<Standing>,
    recipient: Arc<dyn Recipient>,
    ticket: u64,
}

impl Keeper {
    /// One that keeps, and who does it.
    pub fn channel() -> (Keeper, Keeps) {
        let ((sender, waiting), is_failing) = (channel(), Arc::<AtomicBool>::default());
        (Keeper(Some((sender, is_failing.clone()))), Keeps { waiting, is_failing })
    }

    /// Whether what was set is there again after a restart.
    pub(super) fn keeping(&self) -> Keeping {
        match &self.0 {
            Some((_, is_failing)) if !is_failing.load(Ordering::Relaxed) => Keeping::Kept,
            _ => Keeping::Volatile,
        }
    }

    /// Whether whatever was set is gone after a restart.
    pub(super) fn keeps_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// Has the thresholds kept, after which the request is answered.
    pub(super) fn keep(&self, keep: Keep) {
        let unkept = match &self.0 {
            Some((sender, _)) => sender.send(keep).err().map(|SendError(keep)| keep),
            None => Some(keep),
        };
        if let Some(keep) = unkept {
            keep.answer(Keeping::Volatile);
        }
    }
}

impl Keeps {
    /// Waits for the next; nothing when the hardware thread has ended.
    pub fn wait(&self) -> Option<Vec<Keep>> {
        let first = self.waiting.recv().ok()?;
        Some(std::iter::once(first).chain(self.waiting.try_iter()).collect())
    }

    /// Says whether the disk takes anything.
    pub fn tell(&self, keeping: Keeping) {
        self.is_failing.store(keeping == Keeping::Volatile, Ordering::Relaxed);
    }
}

impl Keep {
    pub(super) fn new(thresholds: Vec<Standing>, set: Option<Standing>, request: &Request) -> Keep {
        let (recipient, ticket) = (request.recipient.clone(), request.ticket);
        Keep { thresholds, set, recipient, ticket }
    }

    /// Tells who waits that it is done, and whether it lasts.
    pub fn answer(self, keeping: Keeping) {
        self.recipient.answer(self.ticket, Ok(Keep::reply(self.set, keeping)));
    }

    /// What is told of a threshold that was set, or of one that was deleted.
    pub(super) fn reply(set: Option<Standing>, keeping: Keeping) -> Reply {
        match set {
            Some(standing) => Reply::Threshold(Arc::new(Standing { keeping, ..standing })),
            None => Reply::Deleted(keeping),
        }
    }
}
