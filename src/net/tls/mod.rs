//! TLS 1.2 and 1.3: the files of a listener, the handshake of a newcomer, and the session below its link.

mod certificate;
mod files;
mod session;

use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use log::{debug, info};
use rustls::ServerConfig;

pub use files::{ClientCertificates, Finding, Gravity, Part, TlsFiles};
pub(super) use session::Session;

use super::listener::STACK;
use super::{Accepted, Interest, Link, Patience};

/// What a TLS listener shows to its clients, which can be exchanged while it listens.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    shown: Mutex<Arc<ServerConfig>>,
}

/// How long a client has to read why it can't be understood.
const FAREWELL: Duration = Duration::from_millis(500);

impl Tls {
    /// Reads the files.  The findings say why that failed, or what is not well all the same.
    pub fn load(files: TlsFiles) -> (Option<Tls>, Vec<Finding>) {
        let (config, findings) = files::read(&files);
        (config.map(|config| Tls { files, shown: Mutex::new(config) }), findings)
    }

    /// Reads the files anew, for clients that come from now on.  Where they are not good, or not good at this time,
    /// all stays as it is.
    pub fn reload(&self) -> Result<Vec<Finding>, Vec<Finding>> {
        match files::read(&self.files) {
            (Some(config), findings) if findings.iter().all(|finding| finding.gravity == Gravity::Unwise) => {
                *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = config;
                Ok(findings)
            }
            (_, findings) => Err(findings),
        }
    }

    /// Takes a newcomer through its handshake, within `limit`.  While it lasts, the newcomer can be dismissed.
    pub fn secure(&self, accepted: Accepted, limit: Duration) -> io::Result<Accepted> {
        let Accepted { link, seat } = accepted;
        let until = Instant::now() + limit;
        let patience = Patience::of(&seat)?;
        let config = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let peer = link.peer();
        let mut session = Session::new(config, link.into_socket()?)?;
        if let Err(error) = shake_hands_apart(&mut session, &patience, until) {
            // What still comes may be no TLS at all, so it is only thrown away until the alert has been read.
            let until = Instant::now() + FAREWELL;
            let mut link = Link::new(session.into_socket(), peer)?;
            link.linger(until, |socket, interest| patience.wait(socket, interest, until))?;
            return Err(error);
        }
        let link = Link::secured(session, peer);
        match link.known_peer().certificate_name {
            Some(name) => info!("{peer}: {} with the certificate of {name}", link.version()),
            None => debug!("{peer}: {}", link.version()),
        }
        Ok(Accepted { link, seat })
    }
}

/// Shakes hands on a thread of its own, which goes deep into its stack: on the client's, those pages would be taken for
/// as long as the client is there.
fn shake_hands_apart(session: &mut Session, patience: &Patience, until: Instant) -> io::Result<()> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("handshake".to_owned()).stack_size(STACK);
        let shaking = builder.spawn_scoped(scope, || shake_hands(session, patience, until))?;
        shaking.join().unwrap_or_else(|_| Err(io::Error::other("the handshake panicked")))
    })
}

fn shake_hands(session: &mut Session, patience: &Patience, until: Instant) -> io::Result<()> {
    while session.is_handshaking() || session.has_unsent() {
        let interest = Interest { read: session.is_handshaking(), write: session.has_unsent() };
        let ready = patience.wait(session.as_fd(), interest, until)?;
        if ready.gone {
            return Err(io::Error::new(ErrorKind::ConnectionAborted, "it is gone, or has to go"));
        }
        if ready.read {
            unless_blocked(session.take_in())?;
        }
        if ready.write {
            unless_blocked(session.flush())?;
        }
        if session.is_handshaking() && session.has_unread() {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "it went before the handshake ended"));
        }
        if Instant::now() >= until {
            return Err(io::Error::new(ErrorKind::TimedOut, "the handshake took too long"));
        }
    }
    Ok(())
}

fn unless_blocked(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        result => result,
    }
}
