//! The hardware thread: the one place where commands meet lines.
