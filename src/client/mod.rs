//! A client of a running gatekeeper: the line protocol from the other side.
//!
//! [`Given`] is what flags, environment and a file say about where to go and as whom; [`Settings`] is what comes of it.
//! A [`Connection`] belongs to one thread, which asks and waits in the kernel; whatever it does has a deadline.
//! Nothing is ever sent twice: [`Failure`] tells apart what was not sent and what nobody knows the outcome of.

mod address;
mod backoff;
mod channel;
mod connection;
mod credentials;
mod failure;
mod fields;
mod relay;
mod request;
mod settings;
mod tls;

pub use address::{Address, Security};
pub use backoff::Backoff;
pub use connection::{Connection, Heard};
pub use credentials::{Given, file_in};
pub use failure::{Failure, exit_status};
pub use fields::Fields;
pub use relay::{Asked, Relay};
pub use request::Request;
pub use settings::{Secret, Settings};
