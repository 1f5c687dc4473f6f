//! Who has started the daemon and wants to hear how it is: systemd by its socket (sd_notify(3)), or nobody.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log::warn;
use nix::time::{ClockId, clock_gettime};

/// What is told to it is lost where there is nobody, or where it does not listen.
#[derive(Clone, Default)]
pub struct Supervisor(Option<Arc<Line>>);

struct Line {
    socket: UnixDatagram,
    address: SocketAddr,
    watchdog: Option<Duration>,
    /// Somebody who does not listen now won't later: that is said once.
    warned: AtomicBool,
}

/// systemd reads at once; nothing here waits longer for somebody who does not.
const PATIENCE: Duration = Duration::from_millis(200);

impl Supervisor {
    /// The one that the environment names in `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.  What is wrong with
    /// them is a warning in the log, and then there is nobody.
    pub fn from_environment() -> Supervisor {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Supervisor::default() };
        let [microseconds, process] = ["WATCHDOG_USEC", "WATCHDOG_PID"]
            .map(|key| std::env::var_os(key).map(|value| value.to_string_lossy().into_owned()));
        let watchdog = watchdog(microseconds.as_deref(), process.as_deref(), std::process::id());
        let watchdog = watchdog.unwrap_or_else(|error| {
            warn!("nobody waits for signs of life: {error}");
            None
        });
        Supervisor::at(&name, watchdog).unwrap_or_else(|error| {
            warn!("NOTIFY_SOCKET={} can't be used: {error}", name.to_string_lossy());
            Supervisor::default()
        })
    }

    /// The one at this socket, a path or an abstract name that begins with `@`, who takes the process for dead when
    /// there was no sign of life for the time `watchdog`.
    pub fn at(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Supervisor> {
        let (address, socket) = (address(name)?, UnixDatagram::unbound()?);
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Supervisor(Some(Arc::new(Line { socket, address, watchdog, warned: AtomicBool::new(false) }))))
    }

    /// Whether there is somebody.
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// After how long without a sign of life the process is taken for dead; nothing where nobody waits for any.
    pub(super) fn watchdog(&self) -> Option<Duration> {
        self.0.as_ref()?.watchdog
    }

    /// The daemon serves, at first or after it has read its files anew.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// It reads its files anew, and is ready again after that.
    pub fn reloading(&self) {
        // systemd takes the end of the reload only from who has also told when it began.
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", now.as_micros()));
    }

    /// It stops.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping");
    }

    /// The hardware thread has shown that it lives, which is told to who waits for it.
    pub(super) fn alive(&self) {
        if self.watchdog().is_some() {
            self.tell("WATCHDOG=1");
        }
    }

    /// How it is, in words.
    pub(super) fn status(&self, status: &str) {
        self.tell(&format!("STATUS={status}"));
    }

    fn tell(&self, message: &str) {
        let Some(line) = &self.0 else { return };
        if let Err(error) = line.socket.send_to_addr(message.as_bytes(), &line.address) {
            if !line.warned.swap(true, Ordering::Relaxed) {
                warn!("nobody listens at NOTIFY_SOCKET: {error}");
            }
        }
    }
}

/// The address of a socket as `NOTIFY_SOCKET` names it.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] if !name.is_empty() => SocketAddr::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(name),
        _ => Err(io::Error::other("it is neither a path from the root on nor an abstract name after @")),
    }
}

/// The time of the watchdog as sd_watchdog_enabled(3) reads it: it is for the process with this id, or for any.
fn watchdog(microseconds: Option<&str>, process: Option<&str>, own: u32) -> Result<Option<Duration>, String> {
    let Some(microseconds) = microseconds else { return Ok(None) };
    let time = microseconds.parse().ok().filter(|time| (1..u64::MAX).contains(time));
    let time = time.ok_or_else(|| format!("WATCHDOG_USEC={microseconds} is no time in microseconds"))?;
    let is_ours = match process {
        None => true,
        Some(id) => id.parse::<u32>().map_err(|_| format!("WATCHDOG_PID={id} is no process"))? == own,
    };
    Ok(is_ours.then_some(Duration::from_micros(time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_has_a_path_or_an_abstract_name() {
        let read = |name: &str| address(OsStr::new(name));
        let path = read("/run/systemd/notify").expect("a path");
        assert_eq!(path.as_pathname(), Some("/run/systemd/notify".as_ref()));
        let name = read("@org/freedesktop").expect("an abstract name");
        assert_eq!(name.as_abstract_name(), Some(&b"org/freedesktop"[..]));
        let long = format!("/{}", "x".repeat(200));
        for bad in ["", "@", "notify", "vsock:2:1234", &long] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_time_of_the_watchdog_is_for_this_process_or_for_any() {
        let half_a_minute = Ok(Some(Duration::from_secs(30)));
        for (microseconds, process, expected) in [
            (None, None, Ok(None)),
            (None, Some("7"), Ok(None)),
            (Some("30000000"), None, half_a_minute.clone()),
            (Some("30000000"), Some("7"), half_a_minute),
            (Some("30000000"), Some("8"), Ok(None)),
        ] {
            assert_eq!(watchdog(microseconds, process, 7), expected, "{microseconds:?} {process:?}");
        }
        for (microseconds, process) in
            [("0", "7"), ("", "7"), ("-1", "7"), ("1s", "7"), ("18446744073709551615", "7"), ("1", "me")]
        {
            assert!(watchdog(Some(microseconds), Some(process), 7).is_err(), "{microseconds} {process}");
        }
    }

    #[test]
    fn a_supervisor_that_does_not_listen_is_no_trouble() {
        let nobody = Supervisor::at(OsStr::new("@nobody listens here"), None).expect("a name");
        for _ in 0..3 {
            nobody.ready("here");
        }
        assert!(nobody.is_there() && !Supervisor::default().is_there());
    }
}
