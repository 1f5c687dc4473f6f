//! The doctor: what in a configuration can't work on this board, why, and the command that mends it.
//!
//! It looks and touches nothing: no line is taken, no output changes.  Only the I2C buses of its sensors are asked who is
//! there.

mod lines;
mod machine;
mod programs;
mod sensors;

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::{DaemonConfig, hardware};
use crate::config::Backend;
use crate::hardware::survey::{Asking, Survey};
use crate::hardware::{Hardware, pwm_sysfs};
use machine::Machine;

/// Something that does not work, or may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub gravity: Gravity,
    /// What it is about: a device, a chip, a listener.
    pub subject: String,
    /// What is wrong, and why.
    pub problem: String,
    /// The command that mends it, or what to do.
    pub mend: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// It works, but something is worth knowing.
    Note,
    /// It can't work.
    Problem,
}

/// Looks at this board with the eyes of somebody who is to run this configuration.
pub fn examine(config: &DaemonConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    let machine = Machine::look(Path::new("/"));
    if config.hardware.backend == Backend::Simulated {
        findings.push(Finding {
            gravity: Gravity::Note,
            subject: "hardware".to_owned(),
            problem: "the backend is \"simulated\", so that nothing of this board is used".to_owned(),
            mend: "set hardware.backend to \"gpiochip\" for real lines".to_owned(),
        });
    } else {
        let survey = Survey::take(Asking::Nobody);
        match hardware(config) {
            Ok(hardware) if hardware.is_simulated() => findings.push(all_simulated()),
            Ok(mut hardware) => {
                findings.extend(wires(config, hardware.as_mut(), &survey, &machine));
                findings.extend(sensors::findings(config, survey, &machine));
            }
            Err(error) => {
                findings.push(lines::no_backend(&error.to_string(), &survey, &machine));
                findings.extend(sensors::findings(config, survey, &machine));
            }
        }
    }
    let listeners = [config.line.listen, config.mqtt.listen, config.http.listen];
    findings.extend(listeners.into_iter().flatten().filter_map(listener));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.gravity));
    findings
}

/// What the daemon makes of a board without lines.
fn all_simulated() -> Finding {
    Finding {
        gravity: Gravity::Problem,
        subject: "hardware".to_owned(),
        problem: "this board has no GPIO chip, so that every device is simulated".to_owned(),
        mend: "run it on a board that has one, or set hardware.backend to \"simulated\"".to_owned(),
    }
}

/// What is wrong with the lines and channels, where there is a backend.
fn wires(
    config: &DaemonConfig,
    hardware: &mut dyn Hardware,
    survey: &Survey,
    machine: &Machine,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for device in &config.devices {
        for (role, mut address) in device.blueprint.lines() {
            if address.chip.is_none() {
                address.chip.clone_from(&config.hardware.chip);
            }
            let subject = format!("device {}, {role}", device.name);
            match hardware.locate(&address) {
                Ok(line) => findings.extend(lines::held(&subject, &line, survey, machine)),
                Err(error) => findings.push(lines::not_found(&subject, &error, machine)),
            }
        }
        for (role, address) in device.blueprint.channels() {
            let subject = format!("device {}, {role}", device.name);
            let found = pwm_sysfs::locate(Path::new(pwm_sysfs::ROOT), &address);
            findings.extend(found.err().map(|error| lines::no_channel(&subject, &error)));
        }
    }
    findings.extend(programs::behind_the_kernel(machine));
    findings
}

/// Whether somebody else has the address of a listener.
fn listener(address: SocketAddr) -> Option<Finding> {
    let error = TcpListener::bind(address).err()?;
    let port = address.port();
    let (problem, mend) = match error.kind() {
        std::io::ErrorKind::AddrInUse => (
            format!("somebody else listens at {address}: another gatekeeper, or on port 1883 Mosquitto"),
            format!("sudo ss -ltnp 'sport = :{port}'   # tells who it is; stop that, or set another port"),
        ),
        std::io::ErrorKind::PermissionDenied => (
            format!("this user may not listen at {address}: ports below 1024 are for root"),
            "take a port from 1024 on".to_owned(),
        ),
        _ => (
            format!("can't listen at {address}: {error}"),
            "ip address   # lists the addresses of this machine".to_owned(),
        ),
    };
    Some(Finding { gravity: Gravity::Problem, subject: "listener".to_owned(), problem, mend })
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { gravity, subject, problem, mend } = self;
        let word = match gravity {
            Gravity::Problem => "problem",
            Gravity::Note => "note",
        };
        write!(f, "{word}: {subject}: {problem}\n  {mend}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_has_is_found_and_a_free_one_is_not() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("it is bound");
        let finding = listener(address).expect("somebody listens there");
        assert!(finding.mend.contains(&format!("sport = :{}'", address.port())), "{finding}");
        assert_eq!(listener("127.0.0.1:0".parse().expect("an address")), None);
    }
}
