//! Why the daemon does not start: printed once, and then it ends.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::auth::UsersError;
use crate::control::StartError;
use crate::gateway::mqtt::store::OpenError;
use crate::hardware::HardwareError;
use crate::net::holder_of_port;

/// Why the daemon does not start.
#[derive(Debug)]
pub enum StartupError {
    /// An address can't be listened on.
    Listen {
        /// The section of the configuration that names it.
        section: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
        /// The program that has the port, where that can be known.
        holder: Option<String>,
    },
    /// Files that the configuration names can't be used; each text has its place in the configuration.
    Files(Vec<String>),
    /// There is no hardware as configured.
    Hardware(HardwareError),
    /// A device could not be built.
    Devices(StartError),
    /// The state folder can't be used.
    State(OpenError),
    /// The file of the audit can't be written.
    Audit {
        /// Where it is.
        file: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The users can't be read.
    Users(UsersError),
    /// The system gave no thread.
    Thread(&'static str, io::Error),
}

impl StartupError {
    pub(super) fn listen(section: &'static str, address: SocketAddr, cause: io::Error) -> StartupError {
        let in_use = cause.kind() == io::ErrorKind::AddrInUse;
        let holder = if in_use { holder_of_port(address.port()) } else { None };
        StartupError::Listen { section, address, cause, holder }
    }

    pub(super) fn thread(name: &'static str) -> impl FnOnce(io::Error) -> StartupError {
        move |cause| StartupError::Thread(name, cause)
    }
}

impl fmt::Display for StartupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartupError::Listen { section, address, cause, holder } => {
                write!(f, "can't listen on {address} ({section}): ")?;
                match (cause.kind(), holder) {
                    (io::ErrorKind::AddrInUse, Some(holder)) => write!(
                        f,
                        "{holder} has the port already; stop it, or set {section}.listen to another address"
                    ),
                    (io::ErrorKind::AddrInUse, None) => write!(
                        f,
                        "another program has the port already; stop it, or set {section}.listen to another address"
                    ),
                    (io::ErrorKind::PermissionDenied, _) => write!(
                        f,
                        "{cause}; ports below 1024 need CAP_NET_BIND_SERVICE, or set {section}.listen to another port"
                    ),
                    (io::ErrorKind::AddrNotAvailable, _) => {
                        write!(f, "this machine has no such address; set {section}.listen to one that it has")
                    }
                    _ => write!(f, "{cause}; set {section}.listen to another address"),
                }
            }
            StartupError::Files(mistakes) => f.write_str(&mistakes.join("\n")),
            StartupError::Hardware(error) => error.fmt(f),
            StartupError::Devices(error) => error.fmt(f),
            StartupError::State(error) => error.fmt(f),
            StartupError::Audit { file, cause } => write!(
                f,
                "can't write the audit to {}: {cause}; make its folder, let this user write there, or set audit.file to \
                 another file",
                file.display()
            ),
            StartupError::Users(error) => error.fmt(f),
            StartupError::Thread(name, cause) => write!(f, "can't start the thread {name}: {cause}"),
        }
    }
}

impl std::error::Error for StartupError {}
