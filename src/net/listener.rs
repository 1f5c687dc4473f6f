//! A listener: one thread that accepts connections and gives each a thread of its own.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use log::{debug, warn};

use super::{Admission, Interest, Link, Seat, Waker, wait};

/// A bound address at which nobody is accepted yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// A connection with its place.
#[derive(Debug)]
pub struct Accepted {
    /// Its bytes.
    pub link: Link,
    /// Its place among the connections.
    pub seat: Seat,
}

/// The running thread.
pub struct ListenerThread {
    stop: Arc<Stop>,
    thread: JoinHandle<Vec<JoinHandle<()>>>,
}

struct Stop {
    waker: Waker,
    ordered: AtomicBool,
}

/// A client thread's stack: release builds use less than half of it at most.
pub(super) const STACK: usize = if cfg!(debug_assertions) { 1 << 20 } else { 128 << 10 };

/// How long accepting rests when the system has no descriptor or memory left.
const REST: Duration = Duration::from_millis(200);

impl Listener {
    /// Binds `address`.
    pub fn bind(address: SocketAddr) -> io::Result<Listener> {
        let socket = TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok(Listener { socket, address })
    }

    /// The address it is bound to; with the port that the system chose where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to accept.  Every connection runs `serve` on a thread of its own, which is called `name` and a number.
    /// `failed` is called when accepting ends by itself, which it never should.
    pub fn start(
        self,
        name: &'static str,
        admission: Admission,
        serve: impl Fn(Accepted) + Send + Sync + 'static,
        failed: impl FnOnce() + Send + 'static,
    ) -> io::Result<ListenerThread> {
        let stop = Arc::new(Stop { waker: Waker::new()?, ordered: AtomicBool::new(false) });
        let ordered = stop.clone();
        let serve = Arc::new(serve);
        let thread = std::thread::Builder::new().name(format!("{name}-listener")).spawn(move || {
            let accepting = AssertUnwindSafe(|| accept(&self.socket, name, &admission, &serve, &ordered));
            catch_unwind(accepting).unwrap_or_else(|_| {
                failed();
                Vec::new()
            })
        })?;
        Ok(ListenerThread { stop, thread })
    }
}

impl ListenerThread {
    /// Stops accepting; the threads of its clients go on until they end, and are handed over to be joined.
    pub fn stop(self) -> Vec<JoinHandle<()>> {
        self.stop.ordered.store(true, Ordering::Release);
        self.stop.waker.wake();
        self.thread.join().unwrap_or_default()
    }
}

fn accept<S: Fn(Accepted) + Send + Sync + 'static>(
    socket: &TcpListener,
    name: &'static str,
    admission: &Admission,
    serve: &Arc<S>,
    stop: &Stop,
) -> Vec<JoinHandle<()>> {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let mut number: u64 = 0;
    let mut resting: Option<Instant> = None;
    while !stop.ordered.load(Ordering::Acquire) {
        let interest = Interest { read: resting.is_none(), write: false };
        if let Err(error) = wait(socket.as_fd(), interest, &stop.waker, resting) {
            warn!("{name}: waiting for clients: {error}");
            resting = Some(Instant::now() + REST);
            continue;
        }
        resting = None;
        loop {
            let (stream, peer) = match socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The client was gone before it was accepted, or a signal came.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted
                            | io::ErrorKind::ConnectionReset
                            | io::ErrorKind::Interrupted
                    ) =>
                {
                    continue;
                }
                Err(error) => {
                    warn!("{name}: can't accept a client: {error}");
                    resting = Some(Instant::now() + REST);
                    break;
                }
            };
            let Some(seat) = admission.enter(peer.ip()) else {
                debug!("{name}: {peer} was turned away: too many clients");
                continue;
            };
            number += 1;
            let serve = serve.clone();
            let spawned = Link::new(stream, peer).and_then(|link| {
                let thread = std::thread::Builder::new().name(format!("{name}-{number}")).stack_size(STACK);
                thread.spawn(move || serve(Accepted { link, seat }))
            });
            match spawned {
                Ok(thread) => threads.push(thread),
                Err(error) => warn!("{name}: no thread for {peer}: {error}"),
            }
            // One that has ended keeps its stack until nobody can join it any more.
            threads.retain(|thread| !thread.is_finished());
        }
    }
    threads
}
