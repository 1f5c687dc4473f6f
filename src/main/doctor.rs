//! `doctor`: what in a configuration can't work on this board, and the command that mends it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gpio_gatekeeper::daemon::doctor::{Gravity, examine};
use lexopt::prelude::*;

/// Reads what follows the word `doctor`.
pub(super) fn arguments(parser: &mut lexopt::Parser) -> Result<PathBuf, lexopt::Error> {
    let mut file = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Value(path) if file.is_none() => file = Some(PathBuf::from(path)),
            Short('c') | Long("config") if file.is_none() => file = Some(parser.value()?.into()),
            argument => return Err(argument.unexpected()),
        }
    }
    file.ok_or_else(|| "doctor needs an argument, the FILE".into())
}

/// Status 0 when nothing stands in the way, 1 when something does.
pub(super) fn run(file: &Path) -> ExitCode {
    let config = match super::load(file) {
        Ok(config) => config,
        Err(error) => return super::wrong(&error),
    };
    let findings = examine(&config);
    let problems = findings.iter().filter(|finding| finding.gravity == Gravity::Problem).count();
    let mut text: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    text += &match problems {
        0 => format!("{}: nothing stands in the way of {} devices", file.display(), config.devices.len()),
        1 => format!("{}: 1 problem", file.display()),
        _ => format!("{}: {problems} problems", file.display()),
    };
    let printed = super::print(&text);
    if problems == 0 { printed } else { ExitCode::FAILURE }
}
