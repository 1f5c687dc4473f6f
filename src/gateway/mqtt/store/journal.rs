//! The journal: the way to the store for everybody who has something to write down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SendError, Sender, channel};

use super::entry::Entry;
use crate::gateway::{Note, Outbox};

/// The way to the store; or nowhere, where nothing is kept.
#[derive(Debug, Clone, Default)]
pub struct Journal(Option<Way>);

#[derive(Debug, Clone)]
struct Way {
    posts: Sender<Post>,
    failing: Arc<AtomicBool>,
}

/// Entries that count together or not at all, and who is told when they are on the disk.
pub(in crate::gateway) struct Post {
    pub(in crate::gateway) entries: Vec<Entry>,
    pub(in crate::gateway) answer: Option<(Arc<Outbox>, Note)>,
}

impl Journal {
    /// One that leads somewhere, the other end of it, and where that says that it fails.
    pub(in crate::gateway) fn open() -> (Journal, Receiver<Post>, Arc<AtomicBool>) {
        let (posts, receiver) = channel();
        let failing = Arc::new(AtomicBool::new(false));
        (Journal(Some(Way { posts, failing: failing.clone() })), receiver, failing)
    }

    /// Whether anything is written down at all.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Writes entries down, and then puts the answer into the outbox.  Nobody waits here.
    pub fn post(&self, entries: Vec<Entry>, answer: Option<(Arc<Outbox>, Note)>) {
        let unsent = match &self.0 {
            Some(way) => way.posts.send(Post { entries, answer }).err().map(|SendError(post)| post.answer),
            None => Some(answer),
        };
        // Without a store, or when that has ended, nothing is kept but everybody is answered.
        if let Some(Some((outbox, note))) = unsent {
            outbox.note(note);
        }
    }

    /// `off`, `file`, or `failing` while the disk takes nothing.
    pub fn condition(&self) -> &'static str {
        match &self.0 {
            None => "off",
            Some(way) if way.failing.load(Ordering::Relaxed) => "failing",
            Some(_) => "file",
        }
    }
}
