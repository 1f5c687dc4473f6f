//! The hardware and the devices that a configuration asks for.

use log::warn;

use super::{DaemonConfig, StartupError};
use crate::config;
use crate::control::{Blueprint, Planned, devices};
use crate::domain::KindReader;
use crate::hardware::gpiochip::{Gpiochip, Version};
use crate::hardware::{Hardware, HardwareError, Simulation};

/// The kinds of devices as the configuration reads them.
pub fn kinds() -> Vec<KindReader<Box<dyn Blueprint>>> {
    devices::readers()
}

/// The hardware that a configuration asks for.
pub fn hardware(config: &DaemonConfig) -> Result<Box<dyn Hardware>, StartupError> {
    let opened = match config.hardware.backend {
        config::Backend::Simulated => return Ok(Box::new(Simulation::new())),
        config::Backend::Gpiochip | config::Backend::Auto => Gpiochip::open(),
        config::Backend::GpiochipV1 => Gpiochip::open_version(Version::V1),
        config::Backend::GpiochipV2 => Gpiochip::open_version(Version::V2),
    };
    match opened {
        Ok(chips) => Ok(Box::new(chips)),
        // No chip at all, and none that is asked for by name: then it may be a machine to try things out on.
        Err(HardwareError::NotFound(_))
            if config.hardware.backend == config::Backend::Auto && !names_a_chip(config) =>
        {
            warn!(
                "no gpiochip is here: every device is SIMULATED; set hardware.backend to say which you mean"
            );
            Ok(Box::new(Simulation::new()))
        }
        Err(error) => Err(StartupError::Hardware(error)),
    }
}

/// Whether it is written for a board that has a certain chip.
fn names_a_chip(config: &DaemonConfig) -> bool {
    let named = |blueprint: &dyn Blueprint| {
        blueprint.lines().iter().any(|(_, line)| line.chip.is_some()) || !blueprint.channels().is_empty()
    };
    config.hardware.chip.is_some() || config.devices.iter().any(|device| named(device.blueprint.as_ref()))
}

/// Each device with its kind.
pub(super) fn plan(planned: Vec<config::Device<Box<dyn Blueprint>>>) -> Vec<Planned> {
    planned
        .into_iter()
        .filter_map(|device| {
            let kind = devices::find(device.kind)?;
            Some(Planned { name: device.name, kind, blueprint: device.blueprint })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips_of_lines_and_of_pwm_channels_are_names_of_chips() {
        for (device, named) in [
            (r#"{"led": {"line": "GPIO17"}}"#, false),
            (r#"{"led": {"line": 17, "chip": "pinctrl-bcm2711"}}"#, true),
            (r#"{"pwm": {"pwm": {"chip": "fe20c000.pwm", "channel": 0}}}"#, true),
        ] {
            let text = format!(r#"{{"devices": {{"a": {device}}}}}"#);
            let config = config::load(&text, "test", &kinds()).expect("a good configuration");
            assert_eq!(names_a_chip(&config), named, "{device}");
        }
    }
}
