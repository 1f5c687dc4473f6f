//! A siege: what the holder of a lease has to wait for its commands while others do their worst.
//!
//! ```sh
//! cargo bench --bench siege                # about two minutes
//! cargo bench --bench siege -- --quick     # half a minute
//! cargo bench --bench siege -- fast        # only what has this in its name
//! ```
//!
//! The daemon is the program as it is released, with users, TLS on every listener and the limits that it has where
//! nobody says otherwise, but for a `connect_time` of 2 s, so that those who say nothing come again and again.  The holder of a lease on the motor drives it over the line protocol, one command after the
//! other; beside it, in turns, it talks to the **floor**, a thread that sends back what it gets: what that takes longer
//! than in peace is the machine's, on which those who attack run too.
//!
//! Besides it is held that no attack comes to anything: nobody gets in, the holder is neither refused nor cut off, and
//! the daemon is afterwards as it was.

#![allow(unreachable_pub, reason = "a program has nobody outside")]

mod attacks;
mod castle;
mod holder;
#[path = "../support/spread.rs"]
mod spread;
#[path = "../support/status.rs"]
mod status;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use attacks::{ATTACKS, Attack, Field};
use castle::Castle;
use holder::Holder;
use spread::Spread;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return println!("the siege is laid by `cargo bench`, and not by tests");
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let time = Duration::from_secs(if quick { 2 } else { 8 });
    let castle = Castle::build();
    let mut holder = Holder::enter(castle.gates());
    println!(
        "{:44} {:>21} {:>21} {:>9} {:>7} {:>9}",
        "microseconds: p50, p99, most", "holder", "floor", "attempts", "threads", "MiB"
    );
    let wanted: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    for Attack { name, begin } in ATTACKS.into_iter().filter(|attack| is_wanted(attack.name)) {
        let field = Field::new(castle.gates());
        let attackers = begin(&field);
        let waits = holder.drive_for(time);
        // Seen while it lasts.
        let (threads, resident) = castle.extent();
        let attempts = field.end(attackers);
        println!(
            "{name:44} {:>21} {:>21} {attempts:9} {threads:7} {resident:9.1}",
            told(&waits.holder),
            told(&waits.floor)
        );
        castle.is_well();
    }
    let (threads, resident) = castle.at_rest();
    println!("when all have gone: {threads} threads, {resident:.1} MiB resident");
    println!(
        "nobody has come in who should not, and the holder was answered {} times and never refused",
        holder.driven()
    );
}

fn told(spread: &Spread) -> String {
    let [p50, p99, most] = [0.5, 0.99, 1.0].map(|part| spread.at(part));
    format!("{p50:.0} {p99:.0} {most:.0}")
}
