//! Somebody who starts the daemon and listens to it, as systemd does: a datagram socket.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gpio_gatekeeper::daemon::Supervisor;
use tempfile::TempDir;

use super::PATIENCE;

/// The listener.
pub struct Systemd {
    socket: UnixDatagram,
    name: OsString,
    _folder: Option<TempDir>,
}

impl Systemd {
    /// At a path.
    pub fn at_a_path() -> Systemd {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a new path");
        Systemd::over(socket, path.into(), Some(folder))
    }

    /// At an abstract name.
    pub fn at_an_abstract_name() -> Systemd {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gpio-gatekeeper-test/{}/{number}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("short");
        let socket = UnixDatagram::bind_addr(&address).expect("a new name");
        Systemd::over(socket, format!("@{name}").into(), None)
    }

    fn over(socket: UnixDatagram, name: OsString, folder: Option<TempDir>) -> Systemd {
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Systemd { socket, name, _folder: folder }
    }

    /// Lets a process know where to tell, and after how long it is taken for dead.
    pub fn start(&self, command: &mut Command, watchdog: Option<Duration>) {
        command.env("NOTIFY_SOCKET", &self.name);
        if let Some(watchdog) = watchdog {
            command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        }
    }

    /// The same for a daemon in this process.
    pub fn supervisor(&self, watchdog: Option<Duration>) -> Supervisor {
        Supervisor::at(&self.name, watchdog).expect("a good name")
    }

    /// The next message.
    pub fn next(&self) -> String {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).expect("a message");
        String::from_utf8(bytes[..length].to_vec()).expect("UTF-8")
    }

    /// The messages up to the first that has this in it, which is the last.
    pub fn until(&self, wanted: &str) -> Vec<String> {
        let mut passed = Vec::new();
        loop {
            passed.push(self.next());
            if passed.last().is_some_and(|message| message.contains(wanted)) {
                return passed;
            }
        }
    }
}
