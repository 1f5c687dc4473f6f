//! The trial `packet` with inputs that libFuzzer looks for.

#![no_main]

#[path = "../../support/trials/mod.rs"]
mod trials;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| trials::codecs::packet(bytes));
