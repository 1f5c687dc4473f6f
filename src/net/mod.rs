//! Bytes: listeners, links and what a client thread waits for.
//!
//! A client thread waits in the kernel, on its socket and on its [`Waker`] at once; nothing here polls on a timer.

mod admission;
mod holder;
mod link;
mod listener;
mod patience;
mod stream;
mod tls;
mod wait;
mod waker;
mod websocket;

pub use admission::{Admission, Dismissal, Seat, Seating};
pub use holder::holder_of_port;
pub use link::{Link, Peer, Read};
pub use listener::{Accepted, Listener, ListenerThread};
pub use patience::Patience;
pub use tls::{ClientCertificates, Finding, Gravity, Part, Tls, TlsFiles};
pub use wait::{Interest, Ready, wait};
pub use waker::Waker;
