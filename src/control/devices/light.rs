//! A light: something with a brightness, which blinks and pulses by itself.

use std::sync::Arc;
use std::time::Instant;

use super::duty_policy::DutyPolicy;
use super::effect::Effect;
use super::safety::Policies;
use crate::control::{Activity, Occasion, Ticked};
use crate::hardware::HardwareError;

/// What shines.
pub(super) trait Lamp {
    /// Takes a brightness from 0 to 1.
    fn shine(&mut self, brightness: f64, now: Instant) -> Result<(), HardwareError>;

    /// How bright it is as the hardware has it, from 0 to 1.
    fn brightness(&self) -> f64;

    /// Asks the hardware.
    fn read(&mut self) -> Result<(), HardwareError>;

    /// When it next wants [`Lamp::tick`].
    fn deadline(&self) -> Option<Instant>;

    /// Does what is due for its PWM.
    fn tick(&mut self, now: Instant) -> Result<(), HardwareError>;
}

/// A lamp, and what goes on with it.
pub(super) struct Light<L> {
    pub(super) lamp: L,
    pub(super) effect: Option<Effect>,
    fault: Option<Arc<str>>,
    policies: Policies<DutyPolicy>,
}

impl<L: Lamp> Light<L> {
    pub(super) fn new(lamp: L, policies: Policies<DutyPolicy>) -> Light<L> {
        Light { lamp, effect: None, fault: None, policies }
    }

    /// Ends whatever was going on, and takes this brightness.
    pub(super) fn shine(&mut self, brightness: f64, now: Instant) -> Result<(), HardwareError> {
        self.change(|lamp| lamp.shine(brightness, now))
    }

    /// Ends whatever was going on, and changes the lamp.
    pub(super) fn change(
        &mut self,
        change: impl FnOnce(&mut L) -> Result<(), HardwareError>,
    ) -> Result<(), HardwareError> {
        self.effect = None;
        let changed = change(&mut self.lamp);
        self.note(changed)
    }

    /// Begins an effect.
    pub(super) fn begin(&mut self, effect: Effect, now: Instant) -> Result<(), HardwareError> {
        self.shine(effect.first(), now)?;
        self.effect = Some(effect);
        Ok(())
    }

    /// Asks the hardware, whatever goes on.
    pub(super) fn read(&mut self) -> Result<(), HardwareError> {
        let read = self.lamp.read();
        self.note(read)
    }

    /// How bright it is, or why nobody knows.
    pub(super) fn value(&self) -> Result<f64, Arc<str>> {
        match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.lamp.brightness()),
        }
    }

    /// When it next wants [`Light::tick`].
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.lamp.deadline(), self.effect.as_ref().map(Effect::due)].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) -> Ticked {
        let mut ticked = Ticked::Quiet;
        if let Some(effect) = self.effect.take_if(|effect| effect.due() <= now) {
            let (next, brightness) = effect.next(now);
            self.effect = next;
            let shone = self.lamp.shine(brightness, now);
            // The steps of a fade are not told one by one; its turns are.
            if self.note(shone).is_err() || matches!(brightness, 0.0 | 1.0) {
                ticked = Ticked::Changed;
            }
        }
        let switched = self.lamp.tick(now);
        if switched.is_err() {
            let _ = self.note(switched);
            ticked = Ticked::Changed;
        }
        ticked
    }

    /// Whether it shines, or will.
    pub(super) fn activity(&self) -> Activity {
        let is_off = self.effect.is_none() && self.value() == Ok(0.0);
        if is_off { Activity::Idle } else { Activity::Active }
    }

    /// Does what it is to do when it is left alone.
    pub(super) fn secure(&mut self, occasion: Occasion, now: Instant) -> Result<(), HardwareError> {
        match self.policies.on(occasion) {
            DutyPolicy::Hold => Ok(()),
            DutyPolicy::Set(brightness) => self.shine(brightness, now),
        }
    }

    /// Keeps an error as the state, and ends whatever was going on.
    fn note(&mut self, result: Result<(), HardwareError>) -> Result<(), HardwareError> {
        self.fault = result.as_ref().err().map(|error| error.to_string().into());
        if result.is_err() {
            self.effect = None;
        }
        result
    }
}
