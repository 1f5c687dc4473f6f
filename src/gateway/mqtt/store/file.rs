//! The state folder and the log in it: read once, added to, and replaced by a shorter one.
//!
//! ```text
//! lock                         held as long as the gatekeeper runs
//! sessions.log                 the header, and then records
//! sessions.log.new             the next one, until it is complete
//! sessions.log.corrupt-EPOCH   one that was damaged
//! ```

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use log::{info, warn};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::clock::Clock;
use super::mirror::Mirror;
use super::record::{self, HEAD, Records};

/// What the file begins with, and the version of what follows.
const HEADER: &[u8; 12] = b"GKEEPER\n\0\0\0\x01";

/// So many damaged files are set aside; the oldest give way.
const DAMAGED: usize = 3;

/// A record of a snapshot is ended when it is so long.
const CHUNK: usize = 64 << 10;

/// A folder that is this gatekeeper's alone.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: Flock<File>,
}

/// The log that is added to.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) file: File,
    /// In bytes.
    pub(super) length: u64,
}

/// Why the state folder can't be used.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has it.
    InUse(PathBuf),
    /// The system refuses something there.
    Refused(PathBuf, io::Error),
}

/// How the reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Where the file does.
    Whole,
    /// In the middle of the last record, which was being written when the power or the process went.
    Torn,
    /// Somewhere else.
    Damaged,
}

impl Folder {
    /// Takes the folder; it is made if its parent is there.
    pub(super) fn open(path: &Path) -> Result<Folder, OpenError> {
        let refused = |cause| OpenError::Refused(path.to_owned(), cause);
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {
                let parent = path.parent().unwrap_or(path);
                File::open(parent).and_then(|parent| parent.sync_all()).map_err(refused)?;
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(refused(error)),
        }
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(path.join("lock"));
        match Flock::lock(lock.map_err(refused)?, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Folder { path: path.to_owned(), _lock: lock }),
            Err((_, Errno::EWOULDBLOCK)) => Err(OpenError::InUse(path.to_owned())),
            Err((_, errno)) => Err(refused(errno.into())),
        }
    }

    /// Reads what is there.  What is damaged is set aside, and used as far as it is good.
    pub(super) fn read(&self, clock: &Clock) -> Result<Mirror, OpenError> {
        let path = self.log();
        let mut mirror = Mirror::default();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(mirror),
            Err(error) => return Err(OpenError::Refused(self.path.clone(), error)),
        };
        let (good, end) = read(file, &mut mirror, clock);
        match end {
            End::Whole => {}
            End::Torn => {
                info!("{}: what was being written last is not complete, and dropped", path.display())
            }
            End::Damaged => {
                let aside = self.set_aside(clock);
                let aside = aside.unwrap_or_else(|error| format!("nowhere: {error}"));
                warn!(
                    "{} is damaged from byte {good} on, or written by another version: {} sessions and {} retained \
                     messages before that are saved; the file is kept as {aside}",
                    path.display(),
                    mirror.sessions.len(),
                    mirror.retained().len(),
                );
            }
        }
        Ok(mirror)
    }

    /// Writes everything down afresh, in the place of what is there; whenever the power goes, one or the other is.
    pub(super) fn replace(&self, mirror: &Mirror, clock: &Clock) -> io::Result<Log> {
        let new = self.path.join("sessions.log.new");
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let mut writer = BufWriter::new(&file);
        writer.write_all(HEADER)?;
        let mut length = HEADER.len();
        let mut records = Records::new(clock);
        let mut write = |records: &mut Records<'_>| {
            records.end();
            let bytes = records.take();
            length += bytes.len();
            writer.write_all(&bytes)
        };
        for entry in mirror.entries() {
            if records.add(&entry).is_err() {
                warn!("something can't be written down: {entry:?}");
            }
            if records.body() >= CHUNK {
                write(&mut records)?;
            }
        }
        write(&mut records)?;
        writer.flush()?;
        drop(writer);
        file.sync_data()?;
        fs::rename(&new, self.log())?;
        File::open(&self.path)?.sync_all()?;
        Ok(Log { file, length: length as u64 })
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn log(&self) -> PathBuf {
        self.path.join("sessions.log")
    }

    /// Gives the log another name, and says which.
    fn set_aside(&self, clock: &Clock) -> io::Result<String> {
        const NAME: &str = "sessions.log.corrupt-";
        let mut older: Vec<(u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(epoch) = name.strip_prefix(NAME).and_then(|epoch| epoch.parse().ok()) {
                older.push((epoch, path));
            }
        }
        older.sort();
        // Two in one second are two files all the same.
        let newest = older.last().map_or(0, |(epoch, _)| epoch.saturating_add(1));
        let aside = self.path.join(format!("{NAME}{}", newest.max(clock.epoch_ms / 1000)));
        fs::rename(self.log(), &aside)?;
        for (_, path) in older.iter().rev().skip(DAMAGED - 1) {
            fs::remove_file(path)?;
        }
        Ok(aside.display().to_string())
    }
}

impl Log {
    /// Adds records, which outlive this process.
    pub(super) fn append(&mut self, records: &[u8]) -> io::Result<()> {
        self.length += records.len() as u64;
        self.file.write_all(records)
    }

    /// When this returns, what was added outlives a power failure, too.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Reads a log, and says how far it is good and how it ends.
fn read(file: File, mirror: &mut Mirror, clock: &Clock) -> (usize, End) {
    let mut reader = BufReader::new(file);
    let mut header = [0; HEADER.len()];
    match fill(&mut reader, &mut header) {
        // It was made, and nothing was written before the power went.
        Ok(0) => return (0, End::Torn),
        Ok(_) if header == *HEADER => {}
        _ => return (0, End::Damaged),
    }
    let mut good = HEADER.len();
    loop {
        let mut head = [0; HEAD];
        match fill(&mut reader, &mut head) {
            Ok(0) => return (good, End::Whole),
            Ok(HEAD) => {}
            Ok(_) => return (good, End::Torn),
            Err(_) => return (good, End::Damaged),
        }
        let Ok(length) = record::length(head) else {
            // A file may have grown before its bytes came, which then are zeros.
            let zeros = head == [0; HEAD] && rest_is_zero(&mut reader);
            return (good, if zeros { End::Torn } else { End::Damaged });
        };
        let mut body = Vec::new();
        match (&mut reader).take(length as u64).read_to_end(&mut body) {
            Ok(read) if read == length => {}
            Ok(_) => return (good, End::Torn),
            Err(_) => return (good, End::Damaged),
        }
        match record::read(head, &body, clock) {
            Ok(entries) => entries.into_iter().for_each(|entry| mirror.apply(entry)),
            Err(_) => {
                let last = matches!(fill(&mut reader, &mut [0]), Ok(0));
                return (good, if last { End::Torn } else { End::Damaged });
            }
        }
        good += HEAD + length;
    }
}

/// Reads until the buffer is full or the file ends, and says how many bytes those were.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn rest_is_zero(reader: &mut impl Read) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match fill(reader, &mut buffer) {
            Ok(0) => return true,
            Ok(read) if buffer[..read].iter().all(|byte| *byte == 0) => {}
            _ => return false,
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::InUse(path) => write!(
                f,
                "another gatekeeper uses the state folder {}; stop that one, or set state_folder to another folder",
                path.display()
            ),
            OpenError::Refused(path, cause) => {
                let fix = match cause.kind() {
                    ErrorKind::NotFound => "make its parent folder, or set state_folder to another folder",
                    ErrorKind::PermissionDenied => {
                        "give it to the user that the gatekeeper runs as (chown), or set state_folder to another folder"
                    }
                    _ => "set state_folder to a folder on a disk that can be written",
                };
                write!(f, "can't use the state folder {}: {cause}; {fix}", path.display())
            }
        }
    }
}

impl std::error::Error for OpenError {}
