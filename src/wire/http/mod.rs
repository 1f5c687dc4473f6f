//! The heads of HTTP/1.1 and 1.0 requests, and whole answers to them.
//!
//! It is as much of HTTP as a server needs that reads no bodies and closes after each answer.

mod request;
mod response;

pub use request::{Bad, Method, Request, Split, split};
pub use response::{Response, Status};
