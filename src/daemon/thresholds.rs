//! Thresholds that clients have set, as a file of the state folder: read at start, and written anew with each change.
//!
//! ```text
//! thresholds.json                 in the form of the configuration, for who looks into it
//! thresholds.json.new             the next one, until it is complete
//! thresholds.json.corrupt-EPOCH   one of which something could not be used
//! ```
//!
//! The state folder's lock is the store's, which has it as long as the gatekeeper runs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::thread::{Builder, JoinHandle};

use log::{error, info, warn};
use serde_json::{Map, Value as Json, json};

use super::{DaemonConfig, Ending, StartupError, kinds};
use crate::config::{self, KEPT_VERSION};
use crate::control::{Keep, Keeper, Keeps, Now};
use crate::domain::{Keeping, Origin, Reaction, Span, Standing, Threshold};
use crate::gateway::mqtt::store::OpenError;

/// Every threshold that is in force from the start, and where those are kept that clients set.
#[derive(Default)]
pub(super) struct Thresholds {
    pub(super) standings: Vec<Standing>,
    pub(super) keeper: Keeper,
    /// Where nothing is kept, there is none.
    pub(super) thread: Option<KeepingThread>,
}

/// The running thread, which ends when this is let go and the hardware thread has ended.
pub(super) struct KeepingThread {
    /// So that it does not end before that of itself.
    _keeper: Keeper,
    thread: JoinHandle<()>,
}

/// The file.
struct Folder(PathBuf);

impl KeepingThread {
    /// Lets it go.
    pub(super) fn into_thread(self) -> JoinHandle<()> {
        self.thread
    }
}

impl Thresholds {
    /// Those of the configuration; and those that were kept, where anything is.
    pub(super) fn open(config: &DaemonConfig, endings: &Sender<Ending>) -> Result<Thresholds, StartupError> {
        let mut standings: Vec<Standing> =
            config.thresholds.iter().cloned().map(Standing::configured).collect();
        match config.mqtt.persistence {
            config::Persistence::Off => Ok(Thresholds { standings, ..Thresholds::default() }),
            config::Persistence::File => {
                let folder = Folder(config.state_folder.clone());
                standings.extend(folder.read(config).map_err(|cause| {
                    StartupError::State(OpenError::Refused(config.state_folder.clone(), cause))
                })?);
                let (keeper, keeps) = Keeper::channel();
                let ended = endings.clone();
                let thread = start(folder, keeps, move || {
                    let _ = ended.send(Ending::Thresholds);
                });
                let thread = thread.map_err(StartupError::thread("thresholds"))?;
                let thread = Some(KeepingThread { _keeper: keeper.clone(), thread });
                Ok(Thresholds { standings, keeper, thread })
            }
        }
    }
}

fn start(folder: Folder, keeps: Keeps, ended: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name("thresholds".to_owned()).spawn(move || {
        if catch_unwind(AssertUnwindSafe(|| folder.live(&keeps))).is_err() {
            error!("the thread that keeps thresholds panicked");
        }
        ended();
    })
}

impl Folder {
    /// Writes what is to be kept until nobody is left who could say so.
    fn live(&self, keeps: &Keeps) {
        let mut before = Keeping::Kept;
        while let Some(waiting) = keeps.wait() {
            let Some(newest) = waiting.last() else { continue };
            let written = self.write(&newest.thresholds);
            let keeping = if written.is_ok() { Keeping::Kept } else { Keeping::Volatile };
            match (before, written) {
                (Keeping::Kept, Err(cause)) => {
                    error!("{} can't be written: {cause}; thresholds are not kept", self.file().display());
                }
                (Keeping::Volatile, Ok(())) => info!("{} is written again", self.file().display()),
                _ => {}
            }
            before = keeping;
            keeps.tell(keeping);
            waiting.into_iter().for_each(|keep: Keep| keep.answer(keeping));
        }
    }

    /// What is there.  What can't be used is told, and kept in a copy.
    fn read(&self, config: &DaemonConfig) -> io::Result<Vec<Standing>> {
        let file = self.file();
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&bytes);
        let name = file.display().to_string();
        let (kept, report) = config::kept_thresholds(&text, &name, &config.devices, &kinds());
        let configured =
            |threshold: &Threshold| config.thresholds.iter().any(|other| other.name == threshold.name);
        let (doubles, good): (Vec<_>, Vec<_>) =
            kept.into_iter().partition(|(_, threshold)| configured(threshold));
        let standing = |(origin, threshold): (Origin, Threshold)| Standing {
            threshold: threshold.into(),
            origin,
            keeping: Keeping::Kept,
            alert: None,
        };
        let good: Vec<Standing> = good.into_iter().map(standing).collect();
        if report.is_none() && doubles.is_empty() {
            return Ok(good);
        }
        for (_, Threshold { name, .. }) in doubles {
            warn!("threshold {name} stands in the configuration now: the one that was set is left out");
        }
        report.iter().for_each(|report| error!("{report}"));
        let aside = self.set_aside()?;
        error!(
            "{name} is damaged, or does not fit to the configuration: {} of its thresholds are in force; it is kept as {}",
            good.len(),
            aside.display()
        );
        self.write(&good)?;
        Ok(good)
    }

    /// Writes all of it afresh; whenever the power goes, the one before is there or this one.
    fn write(&self, standings: &[Standing]) -> io::Result<()> {
        let new = self.0.join("thresholds.json.new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(format!("{:#}\n", document(standings)).as_bytes())?;
        file.sync_data()?;
        fs::rename(&new, self.file())?;
        File::open(&self.0)?.sync_all()
    }

    /// Gives the file another name, which nothing has.
    fn set_aside(&self) -> io::Result<PathBuf> {
        // Whole seconds, and far below 2^64.
        let epoch = Now::read().epoch as u64;
        let free = |number: &PathBuf| !number.exists();
        let names = (epoch..).map(|epoch| self.0.join(format!("thresholds.json.corrupt-{epoch}")));
        let aside = names.into_iter().find(free).unwrap_or_else(|| self.0.join("thresholds.json.corrupt"));
        fs::rename(self.file(), &aside)?;
        Ok(aside)
    }

    fn file(&self) -> PathBuf {
        Path::join(&self.0, "thresholds.json")
    }
}

/// Thresholds in the form of the configuration, those of admins and of operators by themselves.
fn document(standings: &[Standing]) -> Json {
    let of = |origin: Origin| -> Map<String, Json> {
        let theirs = standings.iter().filter(|standing| standing.origin == origin);
        theirs.map(|standing| (standing.threshold.name.to_string(), setting(&standing.threshold))).collect()
    };
    json!({ "version": KEPT_VERSION, "admin": of(Origin::Admin), "operator": of(Origin::Operator) })
}

fn setting(threshold: &Threshold) -> Json {
    let Threshold { name: _, device, field, bounds, duration, severity, action, resolved_action } = threshold;
    let reaction = |reaction: &Option<Reaction>| {
        reaction.as_ref().map(|Reaction { device, value }| json!({ "device": device.as_str(), "set": value }))
    };
    json!({
        "device": device.as_str(),
        "field": &**field,
        "min": bounds.minimum,
        "max": bounds.maximum,
        "hysteresis": bounds.hysteresis,
        "duration": Span(*duration).to_string(),
        "severity": severity.as_str(),
        "action": reaction(action),
        "resolved_action": reaction(resolved_action),
    })
}
