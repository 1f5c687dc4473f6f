//! Bytes: listeners, links and what a client thread waits for.
