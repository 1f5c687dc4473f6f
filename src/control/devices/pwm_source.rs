//! Where a PWM comes from, as it is configured: software on a line, or a channel of the kernel.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use super::duty_policy::DutyPolicy;
use super::output_line::{Initial, OutputLine};
use super::pwm_output::{Channel, PwmOutput};
use super::software_pwm::SoftwarePwm;
use crate::control::{Beginning, Bench};
use crate::domain::{LineAddress, LineRef, Mistakes, Polarity, PwmAddress, Settings};
use crate::hardware::{HardwareError, Signal};

/// What carries the PWM.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// The hardware thread switches this line.
    Line(LineAddress),
    /// The kernel does it.
    Channel(PwmAddress),
}

/// A PWM as it is configured.
#[derive(Debug, Clone)]
pub(super) struct PwmSource {
    /// The setting that names the line.
    pub(super) role: &'static str,
    pub(super) source: Source,
    pub(super) polarity: Polarity,
    pub(super) period: Duration,
}

/// The value of a setting that is a line or a PWM channel.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a line: an offset such as 17, or a name such as \"GPIO17\"; or a PWM channel: \
                 {\"chip\": \"fe20c000.pwm\", \"channel\": 0}"
)]
pub(super) enum Wire {
    Line(LineRef),
    Channel(PwmAddress),
}

/// In Hz: a line is switched by a thread, whose wakes cost time and come late.
pub(super) const SOFTWARE: RangeInclusive<f64> = 10.0..=1000.0;
/// In Hz: nobody has to wake for it.
pub(super) const KERNEL: RangeInclusive<f64> = 1.0..=100_000.0;

impl Source {
    /// From the settings `line` and `chip`, or `pwm` in their place.
    pub(super) fn read(
        line: Option<LineRef>,
        chip: Option<String>,
        pwm: Option<PwmAddress>,
        settings: &Settings<'_>,
        mistakes: &mut Mistakes,
    ) -> Option<Source> {
        let (key, message) = match (line, pwm) {
            (Some(line), None) => return Some(Source::Line(LineAddress { chip, line })),
            (None, Some(_)) if chip.is_some() => ("chip", "the chip of a PWM channel stands inside of pwm"),
            (None, Some(address)) => return Some(Source::Channel(address)),
            (Some(_), Some(_)) => ("pwm", "it has a line or a PWM channel: leave out line or pwm"),
            (None, None) => ("", "missing `line`, or `pwm` in its place: it has no default"),
        };
        settings.mistake(key, message, mistakes);
        None
    }

    /// From a setting that is either; `chip` is that of a line.
    pub(super) fn of_wire(wire: Wire, chip: Option<&String>) -> Source {
        match wire {
            Wire::Line(line) => Source::Line(LineAddress { chip: chip.cloned(), line }),
            Wire::Channel(address) => Source::Channel(address),
        }
    }

    /// The line, if it is one, as the role that it has.
    pub(super) fn line(&self, role: &'static str) -> Option<(&'static str, LineAddress)> {
        match self {
            Source::Line(address) => Some((role, address.clone())),
            Source::Channel(_) => None,
        }
    }

    /// The channel, if it is one, as the role that it has.
    pub(super) fn channel(&self, role: &'static str) -> Option<(&'static str, PwmAddress)> {
        match self {
            Source::Line(_) => None,
            Source::Channel(address) => Some((role, address.clone())),
        }
    }

    /// The period of the setting `frequency` in Hz, within what this source can do.
    pub(super) fn period(
        &self,
        frequency: f64,
        settings: &Settings<'_>,
        mistakes: &mut Mistakes,
    ) -> Option<Duration> {
        let (range, of) = match self {
            Source::Line(_) => (SOFTWARE, "on a line"),
            Source::Channel(_) => (KERNEL, "of a PWM channel"),
        };
        if range.contains(&frequency) {
            return Some(Duration::from_secs_f64(1.0 / frequency));
        }
        let message = format!("frequency {of} is from {} to {} (Hz)", range.start(), range.end());
        settings.mistake("frequency", message, mistakes);
        None
    }
}

impl PwmSource {
    /// Its line, where it has one.
    pub(super) fn line(&self) -> Option<(&'static str, LineAddress)> {
        self.source.line(self.role)
    }

    /// Its PWM channel, where it has one; the setting is called `pwm` where that of the line is `line`.
    pub(super) fn channel(&self) -> Option<(&'static str, PwmAddress)> {
        self.source.channel(if self.role == "line" { "pwm" } else { self.role })
    }

    /// Takes it; it is off unless the bench says that it is where `on_stop` brings it.
    pub(super) fn open(
        &self,
        bench: &mut Bench<'_>,
        on_stop: DutyPolicy,
    ) -> Result<PwmOutput, HardwareError> {
        match &self.source {
            Source::Line(address) => {
                let line = OutputLine::open(bench, self.role, address, self.polarity, Initial::Off)?;
                Ok(PwmOutput::Software(SoftwarePwm::new(line, self.period)))
            }
            Source::Channel(address) => {
                let duty = match (bench.beginning(), on_stop) {
                    (Beginning::On, DutyPolicy::Set(duty)) => duty,
                    _ => 0.0,
                };
                let pwm = bench.pwm(address, self.polarity, Signal::new(self.period, duty))?;
                Ok(PwmOutput::Kernel(Channel::new(pwm)?, self.period))
            }
        }
    }
}
