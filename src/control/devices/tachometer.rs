//! A tachometer: counts the pulses of a fan, and tells its revolutions per minute and that it stands still.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::control::Bench;
use crate::domain::{Bias, LineAddress, LineRef, Mistakes, Polarity, Settings};
use crate::hardware::{Edge, Edges, HardwareError, Input, InputRequest};

/// The setting `tachometer`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TachometerSettings {
    line: LineRef,
    chip: Option<String>,
    #[serde(default = "pull_up")]
    bias: Bias,
    pulses_per_revolution: Option<u32>,
}

/// A tachometer as it is configured.
pub(super) struct TachometerPlan {
    address: LineAddress,
    bias: Bias,
    pulses_per_revolution: u32,
}

/// A tachometer that was taken.
pub(super) struct Tachometer {
    /// Its edges end with it.
    _input: Box<dyn Input>,
    pulses_per_revolution: f64,
    pulses: u32,
    /// The number that the last edge had.
    sequence: Option<u32>,
    /// When the pulses are counted from, while there is something to count.
    since: Option<Instant>,
    turning: Turning,
    /// Measurements without a pulse, one after the other.
    without: u32,
    rpm: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turning {
    /// It has power.
    Driven,
    /// It has none, and comes to rest.
    Coasting,
}

/// For how long pulses are counted: two pulses a revolution then tell 15 rpm from none.
const WINDOW: Duration = Duration::from_secs(2);
/// After so many windows without a pulse it is stalled: large fans need some time to start.
const PATIENCE: u32 = 2;
/// A speed that differs by less than this part from the one that was told is not told.
const NEWS: f64 = 0.05;

fn pull_up() -> Bias {
    Bias::PullUp
}

impl TachometerSettings {
    /// What is to be built of it.
    pub(super) fn plan(self, settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<TachometerPlan> {
        let pulses_per_revolution = self.pulses_per_revolution.unwrap_or(2);
        if !(1..=100).contains(&pulses_per_revolution) {
            settings.mistake("tachometer", "pulses_per_revolution is from 1 to 100", mistakes);
            return None;
        }
        let address = LineAddress { chip: self.chip, line: self.line };
        Some(TachometerPlan { address, bias: self.bias, pulses_per_revolution })
    }
}

impl TachometerPlan {
    /// Its line, with the setting that names it.
    pub(super) fn line(&self) -> (&'static str, LineAddress) {
        ("tachometer", self.address.clone())
    }

    /// Takes the line.
    pub(super) fn open(&self, bench: &mut Bench<'_>) -> Result<Tachometer, HardwareError> {
        // A fan pulls the line to ground.
        let request =
            InputRequest { edges: Edges::ToActive, ..InputRequest::new(Polarity::ActiveLow, self.bias) };
        Ok(Tachometer {
            _input: bench.input("tachometer", &self.address, request)?,
            pulses_per_revolution: f64::from(self.pulses_per_revolution),
            pulses: 0,
            sequence: None,
            since: None,
            turning: Turning::Coasting,
            without: 0,
            rpm: 0.0,
        })
    }
}

impl Tachometer {
    /// Revolutions per minute, as they were measured last.
    pub(super) fn rpm(&self) -> f64 {
        self.rpm
    }

    /// Whether it stands still although it has power.
    pub(super) fn is_stalled(&self) -> bool {
        self.turning == Turning::Driven && self.without >= PATIENCE
    }

    /// The fan got power.
    pub(super) fn started(&mut self, now: Instant) {
        (self.turning, self.without, self.pulses, self.since) = (Turning::Driven, 0, 0, Some(now));
    }

    /// The fan has no power any more; it is measured until it stands.
    pub(super) fn stopped(&mut self, now: Instant) {
        (self.turning, self.without) = (Turning::Coasting, 0);
        if self.rpm == 0.0 {
            self.since = None;
        } else {
            self.since.get_or_insert(now);
        }
    }

    /// Counts a pulse, and those that were lost before it.
    pub(super) fn edge(&mut self, edge: Edge) {
        let lost = match (self.sequence, edge.sequence) {
            (Some(last), Some(this)) => this.wrapping_sub(last).saturating_sub(1),
            _ => 0,
        };
        self.sequence = edge.sequence;
        self.pulses = self.pulses.saturating_add(lost).saturating_add(1);
    }

    /// When it next wants [`Tachometer::tick`].
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + WINDOW)
    }

    /// Measures what was counted; true when there is something to tell.
    pub(super) fn tick(&mut self, now: Instant) -> bool {
        let Some(since) = self.since.filter(|since| *since + WINDOW <= now) else { return false };
        let before = (self.rpm, self.is_stalled());
        let minutes = now.saturating_duration_since(since).as_secs_f64() / 60.0;
        let rpm = (f64::from(self.pulses) / self.pulses_per_revolution / minutes).round();
        if self.pulses == 0 || (rpm - self.rpm).abs() > self.rpm * NEWS {
            self.rpm = rpm;
        }
        self.without = if self.pulses == 0 { self.without.saturating_add(1) } else { 0 };
        self.pulses = 0;
        self.since = (self.turning == Turning::Driven || self.rpm > 0.0).then_some(now);
        before != (self.rpm, self.is_stalled())
    }
}
