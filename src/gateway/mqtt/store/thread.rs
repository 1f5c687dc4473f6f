//! The store: the thread that owns the file, and answers when something is on the disk.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use log::{error, info};

use super::clock::Clock;
use super::file::{Folder, Log, OpenError};
use super::journal::{Journal, Post};
use super::mirror::Mirror;
use super::record::Records;
use crate::gateway::worker;

/// A store that does not run yet.
pub struct Store {
    keeper: Keeper,
    posts: Receiver<Post>,
}

/// What is on the disk and what is to be.
struct Keeper {
    folder: Folder,
    mirror: Mirror,
    state: State,
    failing: Arc<AtomicBool>,
    /// When what was written and nobody waits for is to be on the disk at the latest.
    unsynced: Option<Instant>,
    /// When the log is longer, it is looked at whether a snapshot would be much shorter.
    limit: u64,
}

enum State {
    /// The log takes what comes.
    Good(Log),
    /// The disk takes nothing; it is tried again then, and after that in twice the time.
    Failing { due: Instant, pause: Duration },
}

/// A log that is so many times as long as what it says, and so many bytes more, is written afresh.
const SLACK: (u64, u64) = (4, 1 << 20);

/// When a disk that took nothing is tried again: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));

/// What nobody waits for, such as that a message is done with, is on the disk after so long; that spares cards.
const LATE: Duration = Duration::from_secs(1);

/// So many posts are written at once.
const BATCH: usize = 4096;

impl Store {
    /// Takes the folder and reads what it holds.
    pub fn open(path: &Path) -> Result<(Store, Journal, Mirror), OpenError> {
        let clock = Clock::read();
        let folder = Folder::open(path)?;
        let mut mirror = folder.read(&clock)?;
        mirror.forget_expired(clock.now);
        mirror.everybody_left(clock.now);
        let (journal, posts, failing) = Journal::open();
        let state = State::Failing { due: clock.now, pause: PAUSE.0 };
        let (mirror_of_ours, unsynced) = (mirror.clone(), None);
        let mut keeper = Keeper { folder, mirror: mirror_of_ours, state, failing, unsynced, limit: SLACK.1 };
        // Without what has passed, and without what was torn.
        keeper.snapshot(&clock);
        Ok((Store { keeper, posts }, journal, mirror))
    }

    /// Starts the thread, which ends when every journal is gone.  `ended` is called as its last act.
    pub fn start(self, ended: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
        let work = move || {
            // The folder is another's when this is over.
            let Store { mut keeper, posts } = self;
            run(&mut keeper, &posts);
        };
        worker::start("store", "the store", work, ended)
    }
}

fn run(keeper: &mut Keeper, posts: &Receiver<Post>) {
    loop {
        let first = match keeper.due() {
            None => posts.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => posts.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match first {
            Ok(first) => {
                // Whoever comes while the disk is busy goes with the next batch.
                let batch = std::iter::once(first).chain(posts.try_iter().take(BATCH)).collect();
                keeper.keep(batch, &Clock::read());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return keeper.sync(Instant::now()),
        }
        keeper.tick(&Clock::read());
    }
}

impl Keeper {
    /// When [`Keeper::tick`] has something to do.
    fn due(&self) -> Option<Instant> {
        match self.state {
            State::Good(_) => self.unsynced,
            State::Failing { due, .. } => Some(due),
        }
    }

    /// Writes everything down with one write and one sync, and then answers whoever waits for that.
    fn keep(&mut self, batch: Vec<Post>, clock: &Clock) {
        let mut records = Records::new(clock);
        for entries in batch.iter().map(|post| &post.entries) {
            for entry in entries {
                if records.add(entry).is_err() {
                    error!("something can't be written down: {entry:?}");
                }
            }
            records.end();
        }
        self.write(&records.take(), clock.now);
        if batch.iter().any(|post| post.answer.is_some()) {
            self.sync(clock.now);
        }
        for Post { entries, answer } in batch {
            entries.into_iter().for_each(|entry| self.mirror.apply(entry));
            // Also without the disk: what is not kept is better than who is not answered.
            if let Some((outbox, note)) = answer {
                outbox.note(note);
            }
        }
    }

    /// Writes records to the log; the disk gets them in its time.
    fn write(&mut self, records: &[u8], now: Instant) {
        let State::Good(log) = &mut self.state else { return };
        if records.is_empty() {
            return;
        }
        if let Err(cause) = log.append(records) {
            return self.fail(&cause, PAUSE.0, now);
        }
        self.unsynced.get_or_insert(now + LATE);
    }

    /// Waits until the disk has what was written.
    fn sync(&mut self, now: Instant) {
        let State::Good(log) = &self.state else { return };
        if self.unsynced.take().is_some() {
            if let Err(cause) = log.sync() {
                self.fail(&cause, PAUSE.0, now);
            }
        }
    }

    /// Tries the disk again, or makes a long log shorter.
    fn tick(&mut self, clock: &Clock) {
        match &self.state {
            State::Failing { due, .. } if *due > clock.now => {}
            State::Failing { .. } => self.snapshot(clock),
            State::Good(log) if log.length > self.limit => {
                self.mirror.forget_expired(clock.now);
                self.limit = SLACK.0 * self.mirror.weight() as u64 + SLACK.1;
                if log.length > self.limit {
                    self.snapshot(clock);
                }
            }
            State::Good(_) if self.unsynced.is_some_and(|due| due <= clock.now) => self.sync(clock.now),
            State::Good(_) => {}
        }
    }

    /// Writes everything down afresh.
    fn snapshot(&mut self, clock: &Clock) {
        match self.folder.replace(&self.mirror, clock) {
            Ok(log) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    info!("{}: what is to be kept is on the disk again", self.folder.path().display());
                }
                self.limit = SLACK.0 * self.mirror.weight() as u64 + SLACK.1;
                self.state = State::Good(log);
                self.unsynced = None;
            }
            Err(cause) => {
                let pause = match self.state {
                    State::Failing { pause, .. } if self.is_failing() => (2 * pause).min(PAUSE.1),
                    _ => PAUSE.0,
                };
                self.fail(&cause, pause, clock.now);
            }
        }
    }

    fn fail(&mut self, cause: &std::io::Error, pause: Duration, now: Instant) {
        if !self.failing.swap(true, Ordering::Relaxed) {
            let fix = match cause.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                    "make room on the disk"
                }
                ErrorKind::NotFound => "put the folder back",
                _ => "look at the disk",
            };
            error!(
                "{}: {cause}: sessions and retained messages are in memory only, and would be lost with the \
                 gatekeeper; {fix}",
                self.folder.path().display()
            );
        }
        self.state = State::Failing { due: now + pause, pause };
    }

    fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::fs::{self, OpenOptions};

    use super::super::entry::Entry;
    use super::super::tests::message;
    use super::*;
    use crate::gateway::{Done, Note, Outbox, OutboxLimits};

    fn retain(topic: &str, bytes: usize, answer: Option<&Arc<Outbox>>) -> Post {
        let entries = vec![Entry::Retain(message(topic, &"x".repeat(bytes), None))];
        let note = || Note::Done(1, Ok(Done::Published(true)));
        Post { entries, answer: answer.map(|outbox| (outbox.clone(), note())) }
    }

    fn retained(path: &Path) -> usize {
        let (store, ..) = Store::open(path).expect("it is free");
        store.keeper.mirror.retained().len()
    }

    #[test]
    fn a_full_disk_answers_everybody_and_is_tried_again() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let (mut store, journal, _) = Store::open(place.path()).expect("it can be made");
        let keeper = &mut store.keeper;
        let file = OpenOptions::new().write(true).open("/dev/full").expect("every Linux has it");
        keeper.state = State::Good(Log { file, length: 0 });
        let outbox = Outbox::new(OutboxLimits { messages: 10, bytes: 1000 }).expect("an eventfd");
        let outbox = Arc::new(outbox);
        let clock = Clock::read();
        keeper.keep(vec![retain("a", 1, Some(&outbox)), retain("b", 1, None)], &clock);
        let mut notes = VecDeque::new();
        outbox.take(&mut notes, &mut VecDeque::new(), 0);
        assert_eq!((notes.len(), journal.condition()), (1, "failing"));
        // The folder can't be written either, until it can.
        let new = place.path().join("sessions.log.new");
        fs::create_dir(&new).expect("in the way");
        for seconds in [20, 40, 80, 160, 300, 300] {
            let due = keeper.due().expect("it is tried again");
            keeper.tick(&Clock { now: due - Duration::from_millis(1), ..clock });
            assert_eq!(keeper.due(), Some(due), "not yet");
            keeper.tick(&Clock { now: due, ..clock });
            assert_eq!(keeper.due().map(|next| next - due), Some(Duration::from_secs(seconds)));
        }
        fs::remove_dir(&new).expect("it is empty");
        let due = keeper.due().expect("it is tried again");
        keeper.tick(&Clock { now: due, ..clock });
        assert_eq!((keeper.due(), journal.condition()), (None, "file"));
        drop(store);
        assert_eq!(retained(place.path()), 2);
    }

    #[test]
    fn what_nobody_waits_for_is_on_the_disk_a_little_later() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let (mut store, ..) = Store::open(place.path()).expect("it can be made");
        let outbox = Outbox::new(OutboxLimits { messages: 10, bytes: 1000 }).expect("an eventfd");
        let (keeper, outbox, clock) = (&mut store.keeper, Arc::new(outbox), Clock::read());
        keeper.keep(vec![retain("a", 1, None)], &clock);
        keeper.keep(vec![retain("b", 1, None)], &Clock { now: clock.now + LATE / 2, ..clock });
        assert_eq!(keeper.due(), Some(clock.now + LATE), "the first counts");
        let nothing = Post { entries: Vec::new(), ..retain("c", 1, Some(&outbox)) };
        keeper.keep(vec![nothing], &clock);
        assert_eq!(keeper.due(), None, "what is answered is on the disk, and all before it");
        keeper.keep(vec![retain("d", 1, None)], &clock);
        keeper.tick(&Clock { now: clock.now + LATE, ..clock });
        assert_eq!(keeper.due(), None);
        drop(store);
        assert_eq!(retained(place.path()), 3);
    }

    #[test]
    fn a_log_much_longer_than_what_it_says_is_written_afresh() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let (mut store, ..) = Store::open(place.path()).expect("it can be made");
        let length = || fs::metadata(place.path().join("sessions.log")).expect("it is there").len();
        for _ in 0..300 {
            store.keeper.keep(vec![retain("t", 4000, None), retain("u", 4000, None)], &Clock::read());
            store.keeper.tick(&Clock::read());
        }
        assert!(length() < SLACK.1 + SLACK.0 * 9000 + 9000, "{}", length());
        drop(store);
        assert_eq!(retained(place.path()), 2);
    }
}
