//! The trail: the audit as a file, one JSON object on each line.
//!
//! Nobody waits for the disk: entries wait in a bounded queue for the thread that writes, and what has no room there
//! is counted, and the count stands in the file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use log::{error, info};
use serde_json::json;

use super::mqtt::json;
use super::worker;
use crate::control::Now;
use crate::domain::Audit;

/// The way to the file.
#[derive(Debug, Clone)]
pub struct Trail {
    entries: SyncSender<Arc<Audit>>,
    lost: Arc<AtomicU64>,
}

/// Where the file is, and how large it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailSettings {
    /// The newest entries are there, older ones in files with `.1`, `.2` and so on behind the name.
    pub file: PathBuf,
    /// A file that has so many bytes is followed by another.
    pub maximum_bytes: u64,
    /// So many of them are kept, the newest included.
    pub files: u32,
}

/// What writes.
struct Writer {
    settings: TrailSettings,
    /// Nothing while the disk takes nothing.
    open: Option<Open>,
    /// When it is tried again.
    retry: Instant,
    lost: Arc<AtomicU64>,
}

struct Open {
    file: File,
    length: u64,
    is_synced: bool,
}

/// So many entries may wait.
const QUEUE: usize = 4096;
/// So many are written at once.
const BATCH: usize = 256;
/// What was written is on the disk after so long, in case the power goes.
const LATE: Duration = Duration::from_secs(1);
/// A disk that took nothing is tried again after so long.
const PAUSE: Duration = Duration::from_secs(10);

impl Trail {
    /// Opens the file and starts the thread, which ends when every trail to it is gone.  `ended` is called as its last
    /// act.
    pub fn open(
        settings: TrailSettings,
        ended: impl FnOnce() + Send + 'static,
    ) -> io::Result<(Trail, JoinHandle<()>)> {
        let (entries, waiting) = sync_channel(QUEUE);
        let lost = Arc::<AtomicU64>::default();
        let open = Some(Open::at(&settings.file)?);
        let mut writer = Writer { settings, open, retry: Instant::now(), lost: lost.clone() };
        let work = move || writer.run(&waiting);
        let thread = worker::start("audit", "the thread of the audit file", work, ended)?;
        Ok((Trail { entries, lost }, thread))
    }

    /// Adds an entry, where there is room for it.
    pub fn add(&self, audit: &Arc<Audit>) {
        if self.entries.try_send(audit.clone()).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Writer {
    fn run(&mut self, waiting: &Receiver<Arc<Audit>>) {
        loop {
            let unsynced = self.open.as_ref().is_some_and(|open| !open.is_synced);
            let first = match unsynced {
                true => waiting.recv_timeout(LATE),
                false => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match first {
                Ok(first) => {
                    let batch: Vec<_> =
                        std::iter::once(first).chain(waiting.try_iter().take(BATCH)).collect();
                    self.write(&batch, Instant::now());
                }
                Err(RecvTimeoutError::Timeout) => self.sync(),
                Err(RecvTimeoutError::Disconnected) => return self.sync(),
            }
        }
    }

    /// Writes entries, after what has to be said of those that are missing.
    fn write(&mut self, batch: &[Arc<Audit>], now: Instant) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let mut lines = Vec::new();
        if lost > 0 {
            let gap = json!({ "timestamp": Now::read().epoch, "lost": lost });
            lines.extend_from_slice(gap.to_string().as_bytes());
            lines.push(b'\n');
        }
        for audit in batch {
            lines.append(&mut json::audit(audit));
            lines.push(b'\n');
        }
        if let Err(cause) = self.append(&lines, now) {
            // They are missing, and so is what they would have said of others.
            self.lost.fetch_add(lost + batch.len() as u64, Ordering::Relaxed);
            if let Some(cause) = cause {
                error!(
                    "{}: {cause}: the audit is not written down until this is mended",
                    self.settings.file.display()
                );
            }
        }
    }

    /// An error without a cause is one that was told before.
    fn append(&mut self, lines: &[u8], now: Instant) -> Result<(), Option<io::Error>> {
        if self.open.is_none() {
            if now < self.retry {
                return Err(None);
            }
            self.retry = now + PAUSE;
            self.open = Some(Open::at(&self.settings.file).map_err(|_| None)?);
            info!("{}: the audit is written down again", self.settings.file.display());
        }
        let result = self.append_to_open(lines);
        if result.is_err() {
            (self.open, self.retry) = (None, now + PAUSE);
        }
        result.map_err(Some)
    }

    fn append_to_open(&mut self, lines: &[u8]) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if open.length > 0 && open.length + lines.len() as u64 > self.settings.maximum_bytes {
            open.file.sync_data()?;
            self.settings.rotate()?;
            *open = Open::at(&self.settings.file)?;
        }
        open.file.write_all(lines)?;
        open.length += lines.len() as u64;
        open.is_synced = false;
        Ok(())
    }

    fn sync(&mut self) {
        let Some(open) = &mut self.open else { return };
        // Where the disk does not take it, the next write says so.
        let _ = open.file.sync_data();
        open.is_synced = true;
    }
}

impl TrailSettings {
    /// Every file becomes the next older one; the oldest makes way.
    fn rotate(&self) -> io::Result<()> {
        for number in (1..self.files).rev() {
            match fs::rename(self.older(number - 1), self.older(number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.files == 1 {
            fs::remove_file(&self.file)?;
        }
        Ok(())
    }

    fn older(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.file.clone();
        }
        let mut name = self.file.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Open> {
        // Who may read it learns what everybody does.
        let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
        let mut length = file.seek(SeekFrom::End(0))?;
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                // The power went in the middle of a line.
                file.write_all(b"\n")?;
                length += 1;
            }
        }
        Ok(Open { file, length, is_synced: true })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::domain::{Deed, Who};

    fn entry(number: usize) -> Arc<Audit> {
        let deed = Deed::Other("led".to_owned(), format!("number {number}"));
        Arc::new(Audit::new(1.0, Who::Gatekeeper, deed))
    }

    fn settings(folder: &Path, maximum_bytes: u64, files: u32) -> TrailSettings {
        TrailSettings { file: folder.join("audit.jsonl"), maximum_bytes, files }
    }

    fn lines(path: &Path) -> Vec<Json> {
        let text = fs::read_to_string(path).expect("it is there");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn writer(settings: TrailSettings) -> Writer {
        let open = Open::at(&settings.file).ok();
        Writer { settings, open, retry: Instant::now(), lost: Arc::default() }
    }

    #[test]
    fn entries_stand_in_the_file_when_the_trail_has_ended() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = settings(folder.path(), 1 << 20, 3);
        fs::write(&settings.file, "{\"torn\":1}").expect("writable");
        let (trail, thread) = Trail::open(settings.clone(), || {}).expect("it opens");
        (0..100).for_each(|number| trail.add(&entry(number)));
        drop(trail);
        thread.join().expect("it ends well");
        let lines = lines(&settings.file);
        assert_eq!((lines.len(), &lines[100]["action"]), (101, &"number 99".into()));
    }

    #[test]
    fn files_are_bounded_in_size_and_number() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = settings(folder.path(), 1000, 3);
        let mut writer = writer(settings.clone());
        for number in 0..100 {
            writer.write(&[entry(number)], Instant::now());
        }
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 3);
        let newest: Vec<Json> =
            [2, 1, 0].into_iter().flat_map(|older| lines(&settings.older(older))).collect();
        assert_eq!(newest.last().expect("some")["action"], "number 99");
        let first = 100 - newest.len();
        assert_eq!(newest[0]["action"], format!("number {first}"), "none is missing in between");
        for older in 0..3 {
            assert!(fs::metadata(settings.older(older)).expect("it is there").len() <= 1000);
        }
    }

    #[test]
    fn what_is_missing_is_counted_and_the_disk_is_tried_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = settings(folder.path(), 1 << 20, 2);
        let mut writer = writer(settings.clone());
        let full = OpenOptions::new().write(true).open("/dev/full").expect("every Linux has it");
        writer.open = Some(Open { file: full, length: 0, is_synced: true });
        let now = Instant::now();
        writer.write(&[entry(1), entry(2)], now);
        writer.write(&[entry(3)], now + PAUSE / 2);
        writer.write(&[entry(4)], now + PAUSE);
        let lines = lines(&settings.file);
        assert_eq!((lines.len(), &lines[0]["lost"], &lines[1]["action"]), (2, &3.into(), &"number 4".into()));
    }
}
