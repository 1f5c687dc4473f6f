//! The line protocol: `|START|KEY=VALUE|...|END|`.
//!
//! Reading takes two steps.  The [`Splitter`] finds frames in a stream of bytes and may say that it needs more;
//! [`Frame::parse`] reads one complete frame and only succeeds or fails.  A [`FrameWriter`] writes one.

mod escape;
mod frame;
mod splitter;
mod writer;

pub use frame::{Frame, Malformed};
pub use splitter::{Item, Split, Splitter};
pub use writer::FrameWriter;

/// What a frame begins with, wherever it stands.
const START: &[u8] = b"|START|";
/// The name of the last part of a frame.
const END: &[u8] = b"END";
/// What stands between the parts of a frame.
const BAR: u8 = b'|';
