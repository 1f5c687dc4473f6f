//! A soak: clients of all kinds that connect, subscribe, publish at all three qualities of service, vanish and return
//! at random, for as long as is wanted.
//!
//! ```sh
//! cargo bench --bench soak -- --minutes 10
//! ```
//!
//! At its end nothing that was acknowledged may be lost, nothing of QoS 2 may have arrived twice, and the daemon may
//! have no more memory, threads and descriptors than it had when everybody was there for the first time.  What the
//! commands that were sent all the while had to wait is told.

#![allow(unreachable_pub, reason = "a program has nobody outside")]

mod accounts;
mod clients;
mod random;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "the figures use all of it")]
mod support;
mod tcp;
#[path = "../../tests/support/trials/mod.rs"]
mod trials;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use accounts::Accounts;
use clients::Plan;
use support::servers::Gatekeeper;
use watch::Watch;

/// More than waits for anybody who is away for as long as clients here are.
const LIMITS: &str = r#", "outbox_messages": 100000, "outbox_bytes": 67108864, "queued_bytes": 536870912"#;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return println!("the soak is run by `cargo bench`, and not by tests");
    }
    let minutes = arguments.iter().position(|argument| argument == "--minutes");
    let minutes = minutes.and_then(|place| arguments.get(place + 1)?.parse::<f64>().ok()).unwrap_or(0.25);
    let gatekeeper = Gatekeeper::start_telling(LIMITS);
    let accounts = Arc::new(Accounts::default());
    println!("soaking for {minutes} minutes ...");

    let plan = Plan::new(gatekeeper.server.mqtt(), gatekeeper.server.line(), accounts.clone());
    let running = clients::start(&plan);
    let mut watch = Watch::new(gatekeeper.server.pid());
    let until = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    while Instant::now() < until {
        watch.look();
        std::thread::sleep(Duration::from_secs(1));
    }
    running.come_to_an_end();
    let idle = watch.at_rest();

    accounts.settle();
    watch.tell(idle);
    accounts.tell();
    println!("nothing that was acknowledged is lost, and nothing of QoS 2 has arrived twice");
}
