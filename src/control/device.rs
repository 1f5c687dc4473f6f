//! What a device is to the hardware thread, and what a kind of device is to the configuration.
//!
//! A new kind is one file in `devices` and one row in the table there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Access;
use super::Wiring;
use super::sensing::{Asking, Sensing};
use crate::domain::{
    Action, ActionSpec, Arguments, Code, Datum, DeviceName, EdgeStamp, LineAddress, Mistakes, Polarity,
    PwmAddress, Refusal, Settings, State, Wired,
};
use crate::hardware::buses::{BusError, Buses, Probe, Readings};
use crate::hardware::{
    Edge, EdgeSink, Hardware, HardwareError, Input, InputRequest, Line, Outputs, Pwm, Signal, Start,
};

/// One kind of device: a row of the table in `devices`.
pub struct Kind {
    /// Its name in the configuration, such as `led`.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub summary: &'static str,
    /// Its settings as a commented example, which `config --example` prints.
    pub example: &'static str,
    /// What it can do.
    pub actions: &'static [ActionSpec],
    /// What it can do besides when no real line is behind it.
    pub simulated_actions: &'static [ActionSpec],
    /// The unit of its value, where it has one.
    pub unit: Option<&'static str>,
    /// The smallest and the largest value.
    pub range: (f64, f64),
    /// Reads its settings; where it finds no blueprint in them, it has added a mistake.
    pub read: fn(&Settings<'_>, &mut Mistakes) -> Option<Box<dyn Blueprint>>,
}

impl Kind {
    /// The smallest and the largest number that its action `set` takes; nothing where it has none.
    pub fn settable(&self) -> Option<(f64, f64)> {
        self.actions.iter().any(|action| action.name == "set").then_some(self.range)
    }
}

/// A device that is configured and not yet built.
pub trait Blueprint: Wired + Send {
    /// What keeps the device and those around it safe.
    fn guards(&self) -> Guards {
        Guards::default()
    }

    /// The numbers of its state besides `value`, each with its unit.
    fn values(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// Takes its lines and makes the device.
    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError>;
}

/// What keeps a device and those around it safe: nothing where it is no output.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    /// What protects it from those who use it.
    pub protection: Protection,
    /// What it does when things go wrong: when (`on_stop`), and what then (`hold` or a value).
    pub policies: Vec<(&'static str, Datum)>,
}

/// What protects a device from those who use it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Protection {
    /// Whether it can be written without a lease.
    pub access: Access,
    /// The longest time for which it is on without having been off in between.
    pub max_on: Option<Duration>,
}

/// Whether a device does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It is on, will be by itself, or nobody knows.
    Active,
    /// It is off, and stays so until somebody wants it otherwise.
    Idle,
}

/// A device on the hardware thread.  None of its methods waits.
pub trait Device: Send {
    /// Carries out one of its kind's actions.  What is refused has changed nothing, but for a fault of the
    /// hardware, which [`Device::observe`] then tells.
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal>;

    /// Takes and gives back lines, where what it did last asks for that: it is called after every command of a client,
    /// and after [`Device::secure`].
    fn rewire(&mut self, _wiring: &mut Wiring<'_>, _now: Instant) -> Result<(), Refusal> {
        Ok(())
    }

    /// Takes note of an edge of one of its inputs.
    fn edge(&mut self, _edge: Edge, _now: Instant) {}

    /// Whether an action can't switch it on, so that no interlock is in its way.
    fn is_off(&self, action: &Action) -> bool {
        action.is_off()
    }

    /// Takes note of what came of a reading that it has asked for.
    fn reading(&mut self, _outcome: Result<Readings, BusError>, _now: Instant) {}

    /// Takes note of the state of a device that it watches.
    fn watched(&mut self, _device: &DeviceName, _state: &State, _now: Instant) {}

    /// When it next wants [`Device::tick`].
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Does what its deadline was for.  `now` may be later than the deadline, and is never earlier.
    fn tick(&mut self, _now: Instant) -> Ticked {
        Ticked::Quiet
    }

    /// Whether it would take a `set` with these arguments, where its kind's values have this range; nothing changes.
    fn check_set(&self, arguments: &Arguments, (low, high): (f64, f64)) -> Result<(), Refusal> {
        let missing = || Refusal::new(Code::MissingKey, "a value is missing");
        let mut argument = arguments.take();
        argument.number("value", low, high)?.ok_or_else(missing)?;
        argument.finish()
    }

    /// Whether it does something.  A device that changes by itself is active all the while.
    fn activity(&self) -> Activity {
        if self.observe().value == Ok(0.0) { Activity::Idle } else { Activity::Active }
    }

    /// What it is: as the hardware last said, without asking it again.
    fn observe(&self) -> Observation;

    /// Does what its policy says for this occasion; a device that only reads does nothing.
    fn secure(&mut self, _occasion: Occasion, _now: Instant) -> Result<(), HardwareError> {
        Ok(())
    }
}

/// When a device is left alone, and does what its policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The daemon ends, or the hardware thread failed.
    Stop,
    /// A lease on it has ended against its holder's will.
    LeaseLost,
    /// The connection that wrote it last has ended.
    LinkLost,
}

impl Occasion {
    /// The name of its policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Occasion::Stop => "on_stop",
            Occasion::LeaseLost => "on_lease_lost",
            Occasion::LinkLost => "on_link_lost",
        }
    }
}

/// Whether a deadline brought something that others should hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ticked {
    /// Nothing: one of the many steps of a PWM or of a fade.
    Quiet,
    /// The device may have changed.
    Changed,
}

/// What a device is, without its name and number.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What happened last, such as `on`.
    pub event: &'static str,
    /// The value as a number, or what went wrong with it.
    pub value: Result<f64, Arc<str>>,
    /// The edge that made it so, where one did.
    pub edge: Option<EdgeStamp>,
    /// The kind's own fields.
    pub fields: Vec<(&'static str, Datum)>,
}

/// Where a device is built: it hands out lines, and notes who got which.
pub struct Bench<'a> {
    pub(super) hardware: &'a mut dyn Hardware,
    pub(super) default_chip: Option<&'a str>,
    pub(super) edges: EdgeSink,
    /// The station of every input that was opened so far.
    pub(super) inputs: &'a mut Vec<usize>,
    /// The numbers of the inputs that the device had before, where it is built anew.
    pub(super) again: VecDeque<usize>,
    pub(super) station: usize,
    pub(super) taken: Vec<(&'static str, Line)>,
    pub(super) beginning: Beginning,
    pub(super) sensing: &'a mut Sensing,
    pub(super) now: Instant,
}

/// What outputs are at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// What their settings say.
    AsConfigured,
    /// Off, because that is where they are to be in the end.
    Off,
    /// On, likewise.
    On,
}

impl Bench<'_> {
    /// Takes lines of one chip as outputs, in one request; each with its role.
    pub fn outputs(
        &mut self,
        lines: &[(&'static str, LineAddress, Polarity)],
        start: Start<'_>,
    ) -> Result<Box<dyn Outputs>, HardwareError> {
        let mut located = Vec::with_capacity(lines.len());
        for (role, address, polarity) in lines {
            located.push((self.locate(role, address)?, *polarity));
        }
        self.hardware.open_outputs(&located, start)
    }

    /// Takes a PWM channel of the kernel, which gives `start` from then on.
    pub fn pwm(
        &mut self,
        address: &PwmAddress,
        polarity: Polarity,
        start: Signal,
    ) -> Result<Box<dyn Pwm>, HardwareError> {
        self.hardware.open_pwm(address, polarity, start)
    }

    /// The number that edges of the next [`Bench::input`] carry: who has several inputs tells them apart by it.
    pub fn next_input(&self) -> usize {
        self.again.front().copied().unwrap_or(self.inputs.len())
    }

    /// The number for an input that the device will take later, or takes again and again.
    pub fn reserve_input(&mut self) -> usize {
        let input = self.next_input();
        if self.again.pop_front().is_none() {
            self.inputs.push(self.station);
        }
        input
    }

    /// Takes a line as an input.
    pub fn input(
        &mut self,
        role: &'static str,
        address: &LineAddress,
        request: InputRequest,
    ) -> Result<Box<dyn Input>, HardwareError> {
        let line = self.locate(role, address)?;
        let input = self.reserve_input();
        self.hardware.open_input(&line, request, input, self.edges.clone())
    }

    /// What outputs are to be at first: a device must not pass through its initial state on the way to another.
    pub fn beginning(&self) -> Beginning {
        self.beginning
    }

    /// Puts a sensor on the bus of this name, which also names its thread (at most 15 bytes).
    pub fn sensor(&mut self, bus: &str, probe: Box<dyn Probe>) -> Asking {
        self.sensing.add(self.station, bus.to_owned(), probe)
    }

    /// The buses on which sensors are.
    pub fn buses(&self) -> Arc<dyn Buses> {
        self.hardware.buses()
    }

    /// The moment in which devices are built.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Whether there is no real line behind this bench.
    pub fn is_simulated(&self) -> bool {
        self.hardware.is_simulated()
    }

    /// Finds a line without touching it; from then on it is this device's, and nobody else's of the configuration.
    pub fn locate(&mut self, role: &'static str, address: &LineAddress) -> Result<Line, HardwareError> {
        let chip = address.chip.clone().or_else(|| self.default_chip.map(str::to_owned));
        let line = self.hardware.locate(&LineAddress { chip, line: address.line.clone() })?;
        self.taken.push((role, line.clone()));
        Ok(line)
    }
}

impl From<HardwareError> for Refusal {
    fn from(error: HardwareError) -> Refusal {
        match error {
            HardwareError::NotSimulated => Refusal::new(Code::NotSupported, error.to_string()),
            _ => Refusal::new(Code::DeviceFault, error.to_string()),
        }
    }
}
