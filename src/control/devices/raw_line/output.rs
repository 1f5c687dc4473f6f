//! A raw line that is an output, with a PWM or without.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::actions;
use super::super::output_line::OutputLine;
use super::super::pwm_source::SOFTWARE;
use super::super::software_pwm::SoftwarePwm;
use crate::control::Ticked;
use crate::domain::{Arguments, Code, Datum, Refusal, Value};
use crate::hardware::HardwareError;

/// The line, and what drives it.
pub(super) struct Output {
    /// Without a frequency it is only ever off or full, which costs nothing.
    pwm: SoftwarePwm,
    /// In Hz, where it has a PWM.
    frequency: Option<f64>,
    fault: Option<Arc<str>>,
}

/// The period of a PWM that never runs.
const STEADY: Duration = Duration::from_millis(10);

impl Output {
    /// On a line that was taken.
    pub(super) fn new(line: OutputLine) -> Output {
        Output { pwm: SoftwarePwm::new(line, STEADY), frequency: None, fault: None }
    }

    /// Takes a value without a PWM; without a value it keeps the one that it has.
    pub(super) fn steady(&mut self, value: Option<Value>, now: Instant) -> Result<(), Refusal> {
        self.frequency = None;
        let duty = value.map_or_else(|| if self.pwm.duty() >= 1.0 { 1.0 } else { 0.0 }, Value::number);
        self.set(duty, now)
    }

    /// Takes a PWM, or another frequency or duty of it.
    pub(super) fn modulate(&mut self, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let mut argument = arguments.take();
        let frequency = argument.number("frequency", *SOFTWARE.start(), *SOFTWARE.end())?.or(self.frequency);
        let duty = argument.number("value", 0.0, 1.0)?;
        argument.finish()?;
        let frequency =
            frequency.ok_or_else(|| Refusal::new(Code::MissingKey, "argument frequency is missing"))?;
        if self.frequency.replace(frequency) != Some(frequency) {
            let retuned = self.pwm.retune(Duration::from_secs_f64(1.0 / frequency), now);
            self.note(retuned)?;
        }
        match duty {
            Some(duty) => self.set(duty, now),
            None => Ok(()),
        }
    }

    /// Takes the value of a `set`: with a PWM anything from 0 to 1.
    pub(super) fn set_to(&mut self, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let duty = match self.frequency {
            Some(_) => actions::part_value(arguments)?,
            None => Value::from_bool(actions::switch_value(arguments)?).number(),
        };
        self.set(duty, now)
    }

    /// Takes what is missing to 1.
    pub(super) fn toggle(&mut self, now: Instant) -> Result<(), Refusal> {
        self.set(1.0 - self.pwm.duty(), now)
    }

    /// Takes a duty, from 0 to 1.
    pub(super) fn set(&mut self, duty: f64, now: Instant) -> Result<(), Refusal> {
        let set = self.pwm.set(duty, now);
        self.note(set)
    }

    /// Asks the hardware.
    pub(super) fn read(&mut self) -> Result<(), Refusal> {
        let read = self.pwm.read();
        self.note(read)
    }

    /// When it next wants [`Output::tick`].
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.pwm.deadline()
    }

    /// Does what is due for its PWM.
    pub(super) fn tick(&mut self, now: Instant) -> Ticked {
        match self.pwm.tick(now) {
            Ok(()) => Ticked::Quiet,
            failed => {
                let _ = self.note(failed);
                Ticked::Changed
            }
        }
    }

    /// Its duty, or why nobody knows it.
    pub(super) fn value(&self) -> Result<f64, Arc<str>> {
        self.fault.clone().map_or_else(|| Ok(self.pwm.duty()), Err)
    }

    /// What happened last.
    pub(super) fn event(&self) -> &'static str {
        match (self.value(), self.frequency) {
            (Err(_), _) => "fault",
            (Ok(_), Some(_)) => "pwm",
            (Ok(0.0), None) => "low",
            (Ok(_), None) => "high",
        }
    }

    /// What the state tells of it.
    pub(super) fn fields(&self) -> Vec<(&'static str, Datum)> {
        let frequency = self.frequency.map(|frequency| ("frequency", frequency.into()));
        [("function", "output".into())].into_iter().chain(frequency).collect()
    }

    /// Keeps an error as the state.
    fn note(&mut self, result: Result<(), HardwareError>) -> Result<(), Refusal> {
        self.fault = result.as_ref().err().map(|error| error.to_string().into());
        Ok(result?)
    }
}
