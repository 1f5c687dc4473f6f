//! The users file: read with care, and written as a whole or not at all.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::Users;

/// Where the users are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsersFile(PathBuf);

/// Why the users can't be read, or written.
#[derive(Debug)]
pub struct UsersError {
    file: PathBuf,
    what: String,
}

/// The largest file, in bytes: tens of thousands of users.
const LARGEST: u64 = 16 << 20;

impl UsersFile {
    /// At this path.
    pub fn at(path: impl Into<PathBuf>) -> UsersFile {
        UsersFile(path.into())
    }

    /// Reads it.  A file that others can read or write is refused: what is in it helps to guess passwords.
    pub fn read(&self) -> Result<Users, UsersError> {
        let mut file = File::open(&self.0).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => self.error(
                "there is no such file; make one with `gpio-gatekeeper user add NAME --role admin --users FILE`",
            ),
            _ => self.error(format!("can't be read: {error}")),
        })?;
        let unreadable = |error: io::Error| self.error(format!("can't be read: {error}"));
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(self.error("is no file"));
        }
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = self.0.display();
            return Err(self.error(format!("others can read it (mode {mode:04o}): `chmod 600 {path}`")));
        }
        if metadata.len() > LARGEST {
            return Err(self.error("is larger than 16 MiB"));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unreadable)?;
        Users::parse(&text).map_err(|what| self.error(what))
    }

    /// Reads it, has it changed, and writes it; nobody else does so meanwhile.  Where there is no file, one is made.
    pub fn change<T>(&self, change: impl FnOnce(&mut Users) -> Result<T, String>) -> Result<T, UsersError> {
        let folder = match self.0.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let locked = File::open(folder)
            .and_then(|folder| Ok(Flock::lock(folder, FlockArg::LockExclusive).map_err(|(_, error)| error)?))
            .map_err(|error| self.error(format!("the folder {} can't be used: {error}", folder.display())))?;
        let is_there = fs::symlink_metadata(&self.0).is_ok();
        let mut users = if is_there { self.read()? } else { Users::default() };
        let changed = change(&mut users).map_err(|what| self.error(what))?;
        self.write(&users, folder).map_err(|error| self.error(format!("can't be written: {error}")))?;
        drop(locked);
        Ok(changed)
    }

    /// Under another name first, which takes the place of the old one when it is on the disk.
    fn write(&self, users: &Users, folder: &Path) -> io::Result<()> {
        // A link stays one.
        let target = fs::canonicalize(&self.0).unwrap_or_else(|_| self.0.clone());
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(".new");
        let temporary = target.with_file_name(temporary);
        // What is left of an attempt that was cut off; nobody else is here.
        let _ = fs::remove_file(&temporary);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let written = (|| {
            // The daemon, which may be another user than the one who changes the file, has to read it.
            let old = fs::metadata(&target).or_else(|_| fs::metadata(folder))?;
            let new = file.metadata()?;
            if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                fchown(&file, Some(old.uid()), Some(old.gid()))?;
            }
            file.write_all(users.to_text().as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &target)?;
            let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(folder);
            File::open(folder)?.sync_all()
        })();
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn error(&self, what: impl Into<String>) -> UsersError {
        UsersError { file: self.0.clone(), what: what.into() }
    }
}

impl fmt::Display for UsersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.what)
    }
}

impl std::error::Error for UsersError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::User;
    use crate::domain::{Account, Role, UserName};

    fn add(users: &mut Users, name: &str) -> Result<(), String> {
        let name = UserName::parse(name).expect("valid");
        let account = Account { user: Some(name.clone()), ..Account::anonymous(Role::Viewer) };
        let account = account.into();
        let (tokens, certificates) = (Vec::new(), Vec::new());
        users.add(User { name, account, password: None, expires: None, tokens, certificates });
        Ok(())
    }

    fn in_folder() -> (tempfile::TempDir, UsersFile) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = UsersFile::at(folder.path().join("users.json"));
        (folder, file)
    }

    #[test]
    fn a_change_is_written_for_its_owner_alone() {
        let (folder, file) = in_folder();
        file.change(|users| add(users, "a")).expect("made");
        file.change(|users| add(users, "b")).expect("changed");
        assert_eq!(file.read().expect("good").all().len(), 2);
        let mode = fs::metadata(&file.0).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left");
    }

    #[test]
    fn a_refused_change_leaves_the_file_as_it_was() {
        let (_folder, file) = in_folder();
        file.change(|users| add(users, "a")).expect("made");
        let refused = file.change(|users| {
            add(users, "b")?;
            Err::<(), _>("no".to_owned())
        });
        assert!(refused.is_err_and(|error| error.to_string().ends_with("users.json: no")));
        assert_eq!(file.read().expect("good").all().len(), 1);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_what_to_do() {
        let (_folder, file) = in_folder();
        file.change(|users| add(users, "a")).expect("made");
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&file.0, fs::Permissions::from_mode(mode)).expect("ours");
            let error = file.read().expect_err("others can read it").to_string();
            assert!(error.contains(&format!("(mode {mode:04o}): `chmod 600 ")), "{error}");
            assert!(file.change(|users| add(users, "b")).is_err());
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named_with_what_to_do() {
        let (_folder, file) = in_folder();
        let error = file.read().expect_err("it is not there").to_string();
        assert!(error.contains("users.json: there is no such file; make one with"), "{error}");
    }
}
