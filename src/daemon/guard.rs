//! Who gets in: the users are read, and read again.

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use log::{error, info};

use super::{Ending, StartupError, own};
use crate::auth::{Directory, Entrance, UsersFile, Verifier};
use crate::domain::{Code, Refusal, Role};
use crate::gateway::Bus;

/// Who gets in, and who finds that out.
pub(super) struct Guarded {
    pub(super) entrance: Entrance,
    pub(super) directory: Directory,
    pub(super) verifier: Option<JoinHandle<()>>,
    pub(super) users: Option<UsersFile>,
}

pub(super) fn open(
    users: Option<PathBuf>,
    anonymous: Option<Role>,
    bus: &Bus,
    endings: &Sender<Ending>,
) -> Result<Guarded, StartupError> {
    let Some(file) = users.map(UsersFile::at) else {
        let (entrance, directory) = (Entrance::open(), Directory::open());
        return Ok(Guarded { entrance, directory, verifier: None, users: None });
    };
    let users = file.read().map_err(StartupError::Users)?;
    let directory = Directory::of(users.clone(), anonymous);
    let (bus, ended) = (bus.clone(), endings.clone());
    let audit = move |audit| bus.audit(audit);
    let (verifier, thread) = Verifier::start(users, audit, move || {
        let _ = ended.send(Ending::Verifier);
    })
    .map_err(StartupError::thread("verifier"))?;
    let entrance = Entrance::guarded(verifier, anonymous);
    Ok(Guarded { entrance, directory, verifier: Some(thread), users: Some(file) })
}

/// Reads the users again.  As long as one is there, the daemon does not come to its end: drop it before the stop.
pub struct Reloader {
    file: UsersFile,
    verifier: Verifier,
    bus: Bus,
}

impl Reloader {
    pub(super) fn new(file: UsersFile, verifier: Verifier, bus: Bus) -> Reloader {
        Reloader { file, verifier, bus }
    }

    /// Reads them.  A bad file keeps the old ones, which the log says.
    pub fn reload(&self) {
        match self.file.read() {
            Err(error) => {
                error!("the users stay as they are: {error}");
                let refusal = Refusal::new(Code::BadValue, error.to_string());
                self.bus.audit(own("reload(users)".to_owned()).refused(&refusal));
            }
            Ok(users) => {
                let bus = self.bus.clone();
                self.verifier.change(users, move |users, changes| {
                    let count = users.all().len();
                    info!("{count} users were read{changes}");
                    bus.audit(own(format!("reload(users={count}{changes})")));
                    bus.change_users(users);
                });
            }
        }
    }
}
