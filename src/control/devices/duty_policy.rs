//! What an output with a duty does when it is left alone.

use serde::Deserialize;

use crate::domain::Datum;

/// What it does then.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub(super) enum DutyPolicy {
    /// Nothing.
    Hold,
    /// It takes this duty, from 0 to 1.
    Set(f64),
}

/// The same as it is written.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "expected \"hold\", \"off\", \"on\", or a value from 0 to 1")]
enum Written {
    Word(Word),
    Value(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Hold,
    Off,
    On,
}

impl DutyPolicy {
    pub(super) const OFF: DutyPolicy = DutyPolicy::Set(0.0);

    /// Whether it needs a PWM that goes on.
    pub(super) fn needs_pwm(self) -> bool {
        self == DutyPolicy::Hold || self.is_between()
    }

    /// Whether it is neither off nor full.
    pub(super) fn is_between(self) -> bool {
        matches!(self, DutyPolicy::Set(duty) if duty != 0.0 && duty != 1.0)
    }
}

/// What moves or heats stops.
impl Default for DutyPolicy {
    fn default() -> DutyPolicy {
        DutyPolicy::OFF
    }
}

impl TryFrom<Written> for DutyPolicy {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<DutyPolicy, &'static str> {
        match written {
            Written::Word(Word::Hold) => Ok(DutyPolicy::Hold),
            Written::Word(Word::Off) => Ok(DutyPolicy::OFF),
            Written::Word(Word::On) => Ok(DutyPolicy::Set(1.0)),
            Written::Value(value) if (0.0..=1.0).contains(&value) => Ok(DutyPolicy::Set(value)),
            Written::Value(_) => Err("expected \"hold\", \"off\", \"on\", or a value from 0 to 1"),
        }
    }
}

impl From<DutyPolicy> for Datum {
    fn from(policy: DutyPolicy) -> Datum {
        match policy {
            DutyPolicy::Hold => "hold".into(),
            DutyPolicy::Set(0.0) => "off".into(),
            DutyPolicy::Set(1.0) => "on".into(),
            DutyPolicy::Set(value) => value.into(),
        }
    }
}
