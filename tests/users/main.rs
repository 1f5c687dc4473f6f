//! Users: the program that keeps them, and a daemon that knows them.

#[path = "../support/mod.rs"]
mod support;

mod keeping;
