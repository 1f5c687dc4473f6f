//! A store without a disk and a thread, for who decides itself what is durable when: tests.

use std::sync::mpsc::Receiver;
use std::time::Instant;

use super::journal::{Journal, Post};
use super::mirror::Mirror;

/// What is durable, and what is to be.
pub struct Attended {
    posts: Receiver<Post>,
    mirror: Mirror,
}

impl Attended {
    /// With what is durable already.
    pub fn open(mirror: Mirror) -> (Attended, Journal) {
        let (journal, posts, _) = Journal::open();
        (Attended { posts, mirror }, journal)
    }

    /// Makes what was posted first durable, and tells who waits for that; false when there is nothing.
    pub fn step(&mut self) -> bool {
        let Ok(Post { entries, answer }) = self.posts.try_recv() else { return false };
        entries.into_iter().for_each(|entry| self.mirror.apply(entry));
        if let Some((outbox, note)) = answer {
            outbox.note(note);
        }
        true
    }

    /// What the next daemon finds if this one ends now.
    pub fn left(&self, now: Instant) -> Mirror {
        let mut mirror = self.mirror.clone();
        mirror.forget_expired(now);
        mirror.everybody_left(now);
        mirror
    }
}
