//! An alert: the value of a device has been beyond a limit for as long as its threshold allows.

use std::fmt;
use std::sync::Arc;

use super::{DeviceName, ThresholdName};

/// The number of an alert: it rises with every alert, also over restarts, as long as the clock is not set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(pub u64);

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Severity {
    /// Somebody should look at it.
    #[default]
    Warning,
    /// Somebody has to.
    Critical,
}

/// The limit that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The value was below `min`.
    Minimum,
    /// The value was above `max`.
    Maximum,
}

/// One alert, as it was created.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its number.
    pub id: AlertId,
    /// The threshold that made it.
    pub threshold: ThresholdName,
    /// The device that is watched.
    pub device: DeviceName,
    /// Which of its numbers: `value`, or one of the kind's own fields.
    pub field: Arc<str>,
    /// Which limit was passed.
    pub limit: Limit,
    /// What that limit is.
    pub bound: f64,
    /// How bad it is.
    pub severity: Severity,
    /// The number when it was created.
    pub value: f64,
    /// When it was created, in seconds since 1970-01-01T00:00:00Z.
    pub created: f64,
}

/// What has become of an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertNews {
    /// Which.
    pub alert: Arc<Alert>,
    /// When, in seconds since 1970-01-01T00:00:00Z.
    pub timestamp: f64,
    /// What.
    pub turn: AlertTurn,
}

/// The beginning or the end of an alert.
#[derive(Debug, Clone, PartialEq)]
pub enum AlertTurn {
    /// It is open now.
    Created,
    /// It is open no more.
    Resolved {
        /// Why.
        cause: Resolution,
        /// The number then, where there is one.
        value: Option<f64>,
    },
}

/// Why an alert is open no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The value is within its limits again, by the hysteresis at least.
    Back,
    /// Its threshold was deleted.
    Deleted,
    /// Its threshold was set anew.
    Changed,
    /// The gatekeeper stops.
    Stopped,
}

impl Severity {
    /// Both, the lesser first.
    pub const ALL: [Severity; 2] = [Severity::Warning, Severity::Critical];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

impl Limit {
    /// The key of the limit.
    pub fn as_str(self) -> &'static str {
        match self {
            Limit::Minimum => "min",
            Limit::Maximum => "max",
        }
    }
}

impl AlertTurn {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            AlertTurn::Created => "created",
            AlertTurn::Resolved { .. } => "resolved",
        }
    }
}

impl Resolution {
    /// The word that programs decide by.
    pub fn as_str(self) -> &'static str {
        match self {
            Resolution::Back => "BACK",
            Resolution::Deleted => "DELETED",
            Resolution::Changed => "CHANGED",
            Resolution::Stopped => "STOPPED",
        }
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// As a person would say it: `sensor.temperature is 61.5, above 60`.
impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Alert { device, field, value, bound, limit, .. } = self;
        let beyond = match limit {
            Limit::Minimum => "below",
            Limit::Maximum => "above",
        };
        write!(f, "{device}.{field} is {value}, {beyond} {bound}")
    }
}
