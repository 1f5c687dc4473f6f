//! The daemon's side of the chaos: this program as the process that is killed.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use gpio_gatekeeper::config;
use gpio_gatekeeper::daemon::{self, Daemon, Logging};
use gpio_gatekeeper::hardware::{Outputs, Simulation};

use super::journal::Recorded;
use super::support::wrapped::Wrapped;

/// Names the folder with the configuration; without it there is nothing to do.
pub const FOLDER: &str = "GATEKEEPER_CHAOS_FOLDER";
/// Names the journal.
pub const JOURNAL: &str = "GATEKEEPER_CHAOS_JOURNAL";
/// Tells how often the daemon was started before.
pub const LIFE: &str = "GATEKEEPER_CHAOS_LIFE";
/// What the daemon says when it may be spoken to.
pub const READY: &str = "the daemon is there";

/// Runs the daemon until somebody stops it, and ends the process with it.
pub fn keep() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let life = std::env::var(LIFE).ok().and_then(|life| life.parse().ok()).expect("which life it is");
    let text = std::fs::read_to_string(folder.join("gatekeeper.jsonc")).expect("a configuration");
    let config = config::load(&text, "chaos", &daemon::kinds());
    let config = config.unwrap_or_else(|report| panic!("{text}\n{report}"));
    let journal = PathBuf::from(std::env::var_os(JOURNAL).expect("a journal"));
    let wrap = move |outputs, lines: Vec<u32>| -> Box<dyn Outputs> {
        Box::new(Recorded::new(outputs, &lines, &journal, life).expect("the simulation can be read"))
    };
    let hardware = Box::new(Wrapped::new(Simulation::new(), wrap));
    let daemon =
        Daemon::start(config, hardware, Logging::default()).unwrap_or_else(|error| panic!("{error}"));
    let stopper = daemon.stopper();
    ctrlc::set_handler(move || stopper.stop()).expect("signals can be handled");
    end_with_the_test();
    println!("{READY}");
    let why = daemon.wait();
    let status = if daemon.stop(why) { 0 } else { 1 };
    let _ = io::stdout().flush();
    std::process::exit(status);
}

/// Whoever started this holds the other end of the standard input for as long as it lives.
fn end_with_the_test() {
    std::thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(3);
    });
}
