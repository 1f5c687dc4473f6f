//! `gpio-gatekeeper safe-states`: brings outputs to their `on_stop` values when there is no daemon.

use std::path::Path;
use std::process::ExitCode;

use gpio_gatekeeper::daemon::{self, Logging};

use super::{fail, load, print, wrong};

/// Does it, and tells what became of each device; the exit status is 0 only when all of them are where they are to be.
pub(crate) fn run(file: &Path) -> ExitCode {
    let config = match load(file) {
        Ok(config) => config,
        Err(error) => return wrong(&error),
    };
    // What the backend has to warn of.
    let _logging = Logging::install(config.log);
    match daemon::hardware(&config) {
        Err(error) => fail(&error),
        Ok(hardware) => {
            let brought = daemon::bring_to_safety(config, hardware);
            let printed = print(&brought.to_string());
            if brought.is_complete() { printed } else { ExitCode::FAILURE }
        }
    }
}
