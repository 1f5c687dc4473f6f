//! What protects an output from those who use it, and what it does when it is left alone.

use serde::Deserialize;

use super::duty_policy::DutyPolicy;
use super::pwm_source::Source;
use crate::control::{Access, Guards, Occasion, Protection};
use crate::domain::{Datum, Mistakes, Settings, Span};

/// The settings that keep an output safe, which are read beside those that its kind has of its own.
///
/// What is not given is the default of `Stop` or `Lost`.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct SafetySettings<Stop, Lost = Stop> {
    #[serde(default)]
    pub(super) require_lease: bool,
    pub(super) max_on: Option<Span>,
    #[serde(default)]
    pub(super) on_stop: Stop,
    #[serde(default)]
    pub(super) on_lease_lost: Lost,
    #[serde(default)]
    pub(super) on_link_lost: Lost,
}

/// What keeps an output safe.
#[derive(Debug, Clone, Copy)]
pub(super) struct Safeguards<P> {
    pub(super) protection: Protection,
    pub(super) policies: Policies<P>,
}

/// What a device does on each occasion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policies<P> {
    pub(super) on_stop: P,
    pub(super) on_lease_lost: P,
    pub(super) on_link_lost: P,
}

/// Which powers an output can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Powers {
    /// None and all.
    OnOff,
    /// Everything from 0 to 1.
    All,
}

/// What something does that moves or heats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RestPolicy {
    /// It stops.
    #[default]
    Off,
    /// It goes on.
    Hold,
}

/// The shortest and the longest time after which an output can be turned off.
const MAX_ON: (Span, Span) = (Span::from_millis(10), Span::from_millis(24 * 3_600_000));

/// What protects an output, from its settings `require_lease` and `max_on`.
pub(super) fn protection(
    require_lease: bool,
    max_on: Option<Span>,
    settings: &Settings<'_>,
    mistakes: &mut Mistakes,
) -> Option<Protection> {
    let (least, most) = MAX_ON;
    if max_on.is_some_and(|max_on| max_on < least || max_on > most) {
        settings.mistake("max_on", format!("max_on is from {least} to {most}, or null"), mistakes);
        return None;
    }
    let access = if require_lease { Access::LeaseRequired } else { Access::Free };
    Some(Protection { access, max_on: max_on.map(|Span(max_on)| max_on) })
}

impl<Stop, Lost> SafetySettings<Stop, Lost> {
    /// The same with the policies that `stop` and `lost` make of what was given.
    pub(super) fn with<P>(self, stop: impl FnOnce(Stop) -> P, lost: impl Fn(Lost) -> P) -> SafetySettings<P> {
        SafetySettings {
            require_lease: self.require_lease,
            max_on: self.max_on,
            on_stop: stop(self.on_stop),
            on_lease_lost: lost(self.on_lease_lost),
            on_link_lost: lost(self.on_link_lost),
        }
    }
}

impl<P> SafetySettings<P> {
    /// What they say; where `max_on` is none that there can be, that is a mistake.
    pub(super) fn checked(self, settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Safeguards<P>> {
        let protection = protection(self.require_lease, self.max_on, settings, mistakes)?;
        let SafetySettings { on_stop, on_lease_lost, on_link_lost, .. } = self;
        Some(Safeguards { protection, policies: Policies { on_stop, on_lease_lost, on_link_lost } })
    }
}

impl<P: Copy + Into<Datum>> Safeguards<P> {
    /// The same as others are told of it.
    pub(super) fn told(&self) -> Guards {
        let occasions = [Occasion::Stop, Occasion::LeaseLost, Occasion::LinkLost];
        let policy = |occasion: Occasion| (occasion.as_str(), self.policies.on(occasion).into());
        Guards { protection: self.protection, policies: occasions.map(policy).into() }
    }
}

impl<P: Copy> Policies<P> {
    /// What it does on this occasion.
    pub(super) fn on(&self, occasion: Occasion) -> P {
        match occasion {
            Occasion::Stop => self.on_stop,
            Occasion::LeaseLost => self.on_lease_lost,
            Occasion::LinkLost => self.on_link_lost,
        }
    }
}

impl SafetySettings<DutyPolicy> {
    /// Adds a mistake where a policy asks for a PWM that there is not, or that ends before.
    pub(super) fn check_policies(
        &self,
        source: &Source,
        powers: Powers,
        settings: &Settings<'_>,
        mistakes: &mut Mistakes,
    ) -> Option<()> {
        let on_line = matches!(source, Source::Line(_));
        let policies = [
            ("on_stop", self.on_stop),
            ("on_lease_lost", self.on_lease_lost),
            ("on_link_lost", self.on_link_lost),
        ];
        let between = policies.iter().find(|(_, policy)| policy.is_between());
        let (key, message) = match (powers, between) {
            (Powers::OnOff, Some((key, _))) => {
                (*key, format!("{key} is hold, off or on, because there is no PWM"))
            }
            (Powers::All, _) if on_line && self.on_stop.needs_pwm() => {
                ("on_stop", "on_stop is off or on, because the PWM of a line ends with the daemon".to_owned())
            }
            _ => return Some(()),
        };
        settings.mistake(key, message, mistakes);
        None
    }
}

impl From<RestPolicy> for Datum {
    fn from(policy: RestPolicy) -> Datum {
        Datum::from(match policy {
            RestPolicy::Off => "off",
            RestPolicy::Hold => "hold",
        })
    }
}
