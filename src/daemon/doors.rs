//! Doors: the listeners of each protocol, plain and for TLS, and what stands behind both.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use log::{debug, error};

use super::certificates::Certificates;
use super::{Ending, StartupError};
use crate::config::TlsListener;
use crate::gateway::Shared;
use crate::net::{Accepted, Listener, ListenerThread, Tls};

/// The doors of one protocol that are to be opened.
pub(super) struct Doors {
    doors: Vec<Door>,
    /// Both doors count together, because the numbers make names.
    numbers: Arc<AtomicU64>,
}

/// One listener, with what it shows to those who come.
pub(super) struct Door {
    name: &'static str,
    listener: Listener,
    tls: Option<Arc<Tls>>,
}

/// Where a protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Addresses {
    pub(super) plain: Option<SocketAddr>,
    pub(super) tls: Option<SocketAddr>,
}

/// What all doors have in common.
pub(super) struct House<'a> {
    pub(super) shared: &'a Shared,
    /// How long a handshake may take.
    pub(super) connect_time: Duration,
    /// Kept by every client's thread to its end.
    pub(super) alive: &'a Sender<()>,
    pub(super) endings: &'a Sender<Ending>,
}

impl Doors {
    /// Binds the addresses.  The names are those of the sections in the configuration.
    pub(super) fn bind(
        [plain_name, tls_name]: [&'static str; 2],
        plain: Option<SocketAddr>,
        tls: Option<&TlsListener>,
        certificates: &mut Certificates,
    ) -> Result<Doors, StartupError> {
        let mut doors = Vec::new();
        if let Some(address) = plain {
            doors.push(Door { name: plain_name, listener: bind(plain_name, address)?, tls: None });
        }
        if let Some((tls, address)) = tls.and_then(|tls| tls.listen.map(|address| (tls, address))) {
            let shown = certificates.load(tls)?;
            doors.push(Door { name: tls_name, listener: bind(tls_name, address)?, tls: Some(shown) });
        }
        Ok(Doors { doors, numbers: Arc::new(AtomicU64::new(1)) })
    }

    /// Where they are.
    pub(super) fn addresses(&self) -> Addresses {
        let find = |wanted: fn(&Door) -> bool| {
            self.doors.iter().find(|door| wanted(door)).map(|door| door.listener.address())
        };
        Addresses { plain: find(|door| door.tls.is_none()), tls: find(|door| door.tls.is_some()) }
    }

    /// Opens them.  `serve` makes what serves the clients of the door at an address.
    pub(super) fn open<S: Fn(Accepted, &Shared, u64) + Send + Sync + 'static>(
        self,
        house: &House<'_>,
        serve: impl Fn(SocketAddr) -> S,
    ) -> Result<Vec<ListenerThread>, StartupError> {
        let Doors { doors, numbers } = self;
        let open = |door: Door| {
            let serve = serve(door.listener.address());
            door.open(house, numbers.clone(), serve)
        };
        doors.into_iter().map(open).collect()
    }
}

impl Door {
    fn open(
        self,
        house: &House<'_>,
        numbers: Arc<AtomicU64>,
        serve: impl Fn(Accepted, &Shared, u64) + Send + Sync + 'static,
    ) -> Result<ListenerThread, StartupError> {
        let Door { name, listener, tls } = self;
        let (shared, alive, endings) = (house.shared.clone(), house.alive.clone(), house.endings.clone());
        let connect_time = house.connect_time;
        let admission = shared.admission.clone();
        let welcome = move |accepted: Accepted| {
            let _alive = alive.clone();
            let number = numbers.fetch_add(1, Ordering::Relaxed);
            let peer = accepted.link.peer();
            let conversation = std::panic::AssertUnwindSafe(|| {
                let secured = match &tls {
                    None => Ok(accepted),
                    Some(tls) => tls.secure(accepted, connect_time),
                };
                match secured {
                    Ok(accepted) => serve(accepted, &shared, number),
                    Err(error) => debug!("{name}: {peer}: no TLS: {error}"),
                }
            });
            // One client's bug ends that client.
            if std::panic::catch_unwind(conversation).is_err() {
                error!("{peer}: its thread panicked; the connection is closed");
            }
        };
        let failed = move || {
            let _ = endings.send(Ending::Listener);
        };
        listener.start(name, admission, welcome, failed).map_err(StartupError::thread(name))
    }
}

fn bind(section: &'static str, address: SocketAddr) -> Result<Listener, StartupError> {
    Listener::bind(address).map_err(|cause| StartupError::listen(section, address, cause))
}
