//! The `gpio-gatekeeper` program.

fn main() {}
