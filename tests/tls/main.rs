//! TLS with a whole daemon over loopback: what is said in it, who gets in, and what is shown.

#![allow(unreachable_pub, reason = "a test program has nobody outside")]

mod certificates;
mod conversing;
mod crowd;
mod handshakes;
#[path = "../support/mod.rs"]
mod support;
