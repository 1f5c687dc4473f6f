//! How a controller comes to be: from what the configuration plans, or not at all.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use log::{error, warn};

use super::alerts::{self, Alerts};
use super::controller::{OnLine, stop_device};
use super::device::Beginning;
use super::faults::Troubles;
use super::interlocks::Interlocks;
use super::leases::Leases;
use super::links::Links;
use super::replug::{Site, Sites};
use super::sensing::Sensing;
use super::sequences::SEQUENCE;
use super::station::Station;
use super::watching::Watching;
use super::{Access, Bench, Blueprint, Controller, Guards, Keeper, Kind, Now, Protection};
use crate::domain::{
    Arguments, Datum, DeviceName, Entry, Event, Interlock, Link, Model, Refusal, Registry, Span, Standing,
    ThresholdName,
};
use crate::hardware::{EdgeSink, Hardware, HardwareError, Line};

/// What the configuration plans.
#[derive(Default)]
pub struct Plan {
    /// The devices.
    pub devices: Vec<Planned>,
    /// Their interlocks; devices that there are not have no part in them.
    pub interlocks: Vec<Interlock>,
    /// Which outputs follow which devices.
    pub links: Vec<Link>,
    /// The thresholds that are in force from the start; of devices that there are not, none is.
    pub thresholds: Vec<Standing>,
    /// Where thresholds are kept that clients set.
    pub keeper: Keeper,
    /// What the audit is told of.
    pub audited: Audited,
}

/// Which commands that were carried out are in the audit; those that were refused always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Audited {
    /// Those that may change something.
    #[default]
    Writes,
    /// Readings as well.
    Everything,
}

/// A device as the configuration plans it.
pub struct Planned {
    /// Its name.
    pub name: DeviceName,
    /// Its kind.
    pub kind: &'static Kind,
    /// Its settings.
    pub blueprint: Box<dyn Blueprint>,
}

/// A device that could not be built.
#[derive(Debug)]
pub struct BuildError {
    /// Which.
    pub device: DeviceName,
    /// Why.
    pub cause: BuildCause,
}

/// Why a device could not be built.
#[derive(Debug)]
pub enum BuildCause {
    /// The hardware said no.
    Hardware(HardwareError),
    /// Another device has the line already.
    LineTaken(Line, DeviceName),
    /// Another device of an interlock is on as well.
    Interlocked(DeviceName),
    /// It does not take what this threshold would set it to.
    Threshold(ThresholdName, Refusal),
}

impl Controller {
    /// Builds every device.  When one can't be built, those before it go to their `on_stop` state again.
    pub fn build(
        mut hardware: Box<dyn Hardware>,
        default_chip: Option<&str>,
        plan: Plan,
        edges: &EdgeSink,
        now: Now,
    ) -> Result<(Controller, Registry), BuildError> {
        let mut registry = Registry {
            devices: Vec::with_capacity(plan.devices.len()),
            backend: hardware.backend(),
            simulated: hardware.is_simulated(),
            model: Model::default(),
        };
        let (mut stations, mut inputs) = (Vec::<Station>::with_capacity(plan.devices.len()), Vec::new());
        let (mut owners, mut sites) = (HashMap::<Line, DeviceName>::new(), Vec::new());
        let (mut sensing, mut watches) = (Sensing::new(), Vec::new());
        for Planned { name, kind, blueprint } in plan.devices {
            let mut bench = Bench {
                hardware: hardware.as_mut(),
                default_chip,
                edges: edges.clone(),
                inputs: &mut inputs,
                again: VecDeque::new(),
                station: stations.len(),
                taken: Vec::new(),
                beginning: Beginning::AsConfigured,
                sensing: &mut sensing,
                now: now.instant,
            };
            let built = blueprint.build(&mut bench);
            let taken = bench.taken;
            let twice = taken.iter().find_map(|(_, line)| owners.get(line).map(|owner| (line, owner)));
            let cause = match (built, twice) {
                (_, Some((line, owner))) => BuildCause::LineTaken(line.clone(), owner.clone()),
                (Err(error), None) => BuildCause::Hardware(error),
                (Ok(device), None) => {
                    let watched = blueprint.watches().into_iter().map(|(_, device)| device).collect();
                    watches.push((stations.len(), watched));
                    owners.extend(taken.iter().map(|(_, line)| (line.clone(), name.clone())));
                    let lines = taken.iter().map(|(_, line)| line.clone()).collect();
                    registry.devices.push(entry(&name, kind, blueprint.as_ref(), taken, registry.simulated));
                    let Guards { protection, policies } = blueprint.guards();
                    stations.push(Station::new(name, kind, protection, policies, device, now));
                    sites.push(Site { blueprint, lines, failed: None });
                    continue;
                }
            };
            for station in &mut stations {
                // The reason to end is the device that can't be built.
                if let Err(refusal) = stop_device(station, now) {
                    error!("{}: could not go to its on_stop state: {refusal}", station.name);
                }
            }
            return Err(BuildError { device: name, cause });
        }
        let by_name: HashMap<_, _> =
            stations.iter().enumerate().map(|(i, station)| (station.name.clone(), i)).collect();
        let interlocks = interlocks(plan.interlocks, &by_name, &stations, &mut registry);
        if let Some([one, other]) = interlocks.conflict() {
            let error = BuildError { device: other.clone(), cause: BuildCause::Interlocked(one.clone()) };
            for station in &mut stations {
                // None of them may be left on, whatever their policies say.
                let _ = station.device.act("off", &Arguments::default(), now.instant);
            }
            return Err(error);
        }
        follows(&plan.links, &by_name, &mut registry);
        let links = Links::new(plan.links, &by_name, &stations);
        if let Some((device, name, refusal)) = alerts::unfit(&plan.thresholds, &by_name, &stations) {
            for station in &mut stations {
                // The reason to end is the threshold.
                let _ = stop_device(station, now);
            }
            return Err(BuildError { device, cause: BuildCause::Threshold(name, refusal) });
        }
        let by_line = lines(&registry);
        let mut events: Vec<_> =
            stations.iter().map(|station| Event::State(station.told().clone())).collect();
        let mut alerts = Alerts::default();
        for standing in plan.thresholds {
            let Some(index) = by_name.get(&standing.threshold.device).copied() else { continue };
            alerts.add(standing.threshold, standing.origin, index, stations[index].told(), now);
        }
        alerts.keep_with(plan.keeper);
        events.extend(alerts.events());
        let leases = Leases::new(stations.iter().map(|station| station.name.clone()).collect());
        let watching = Watching::new(&watches, &by_name);
        let mut controller = Controller {
            stations,
            by_name,
            by_line,
            inputs,
            troubles: Troubles::default(),
            sites: Sites { default_chip: default_chip.map(str::to_owned), edges: edges.clone(), all: sites },
            leases,
            interlocks,
            links,
            alerts,
            sensing,
            watching,
            audited: plan.audited,
            events,
            hardware,
        };
        controller.begin_watching(now);
        Ok((controller, registry))
    }
}

fn entry(
    name: &DeviceName,
    kind: &'static Kind,
    blueprint: &dyn Blueprint,
    taken: Vec<(&'static str, Line)>,
    simulated: bool,
) -> Entry {
    let mut actions: Vec<_> = kind.actions.iter().collect();
    if kind.settable().is_some() {
        actions.push(&SEQUENCE);
    }
    if simulated {
        actions.extend(kind.simulated_actions);
    }
    Entry {
        name: name.clone(),
        kind: kind.name,
        summary: kind.summary,
        lines: taken.into_iter().map(|(role, line)| (role, line.chip.to_string(), line.offset)).collect(),
        channels: blueprint.channels(),
        actions,
        unit: kind.unit,
        values: blueprint.values(),
        range: kind.range,
        safety: safety(blueprint),
    }
}

/// What protects it and those around it.
fn safety(blueprint: &dyn Blueprint) -> Vec<(&'static str, Datum)> {
    let Guards { protection: Protection { access, max_on }, policies } = blueprint.guards();
    if policies.is_empty() {
        return policies;
    }
    let required = Datum::Bool(access == Access::LeaseRequired);
    let max_on = max_on.map(|max_on| ("max_on", Datum::Text(Span(max_on).to_string())));
    policies.into_iter().chain([("require_lease", required)]).chain(max_on).collect()
}

/// The interlocks among devices, which are noted in the registry.
fn interlocks(
    plan: Vec<Interlock>,
    by_name: &HashMap<DeviceName, usize>,
    stations: &[Station],
    registry: &mut Registry,
) -> Interlocks {
    let mut interlocks = Interlocks::new(stations.iter().map(|station| station.name.clone()).collect());
    for (index, station) in stations.iter().enumerate() {
        interlocks.note(index, station.device.activity());
    }
    for Interlock { name, devices, dead_time } in plan {
        let members: Vec<usize> = devices.iter().filter_map(|name| by_name.get(name).copied()).collect();
        for member in &members {
            let safety = &mut registry.devices[*member].safety;
            match safety.iter_mut().find(|(key, _)| *key == "interlocks") {
                Some((_, Datum::List(names))) => names.push(name.as_str().into()),
                _ => safety.push(("interlocks", Datum::List(vec![name.as_str().into()]))),
            }
        }
        interlocks.add(name, members, dead_time);
    }
    interlocks
}

/// Notes in the registry who follows whom.
fn follows(links: &[Link], by_name: &HashMap<DeviceName, usize>, registry: &mut Registry) {
    for Link { output, input, .. } in links {
        let entry = by_name.get(output).and_then(|place| registry.devices.get_mut(*place));
        if let Some(entry) = entry {
            entry.safety.push(("follow", input.as_str().into()));
        }
    }
}

fn lines(registry: &Registry) -> HashMap<u32, OnLine> {
    let mut by_line = HashMap::new();
    for (index, entry) in registry.devices.iter().enumerate() {
        for (_, chip, offset) in &entry.lines {
            let several = by_line.insert(*offset, OnLine::One(index)).is_some();
            if several {
                warn!("{chip}:{offset} is not the only line with this offset: use the names of its devices");
                by_line.insert(*offset, OnLine::Several);
            }
        }
    }
    by_line
}

impl BuildError {
    /// Whether the reason is that somebody else holds the line.
    pub fn is_busy(&self) -> bool {
        matches!(self.cause, BuildCause::Hardware(HardwareError::Busy { .. }))
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            BuildCause::Hardware(error) => write!(f, "device {}: {error}", self.device),
            BuildCause::LineTaken(line, owner) => {
                write!(f, "device {}: line {line} belongs to device {owner} already", self.device)
            }
            BuildCause::Threshold(threshold, refusal) => {
                write!(f, "threshold {threshold}: {}", refusal.message)
            }
            BuildCause::Interlocked(other) => {
                write!(
                    f,
                    "device {}: it is on at start, and so is {other}, which an interlock forbids",
                    self.device
                )
            }
        }
    }
}

impl std::error::Error for BuildError {}
