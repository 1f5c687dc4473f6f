//! Sessions and retained messages over the end of the daemon, orderly or not.

#![allow(unreachable_pub, reason = "a test program has nobody outside")]

mod crashing;
mod failing;
mod life;
mod restarting;
#[path = "../support/mod.rs"]
mod support;
