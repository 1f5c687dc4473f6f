//! Effects: a brightness that changes by itself, as it blinks or pulses.  They have no line and no clock.

use std::time::{Duration, Instant};

use super::actions::TIMES;
use super::blink::Blink;
use crate::domain::{ActionSpec, Arguments, Datum, ParameterSpec, Refusal, Value};

pub(super) const PULSE: ActionSpec = ActionSpec {
    name: "pulse",
    summary: "fades in and out again and again, and leaves it off",
    parameters: &[
        ParameterSpec {
            name: "fade_in_time",
            summary: "how long it takes to become full: seconds or a duration, at least 50ms; default 1s",
        },
        ParameterSpec { name: "fade_out_time", summary: "how long it takes to go out; default 1s" },
        TIMES,
    ],
};

const LEAST_FADE: Duration = Duration::from_millis(50);
/// How often the brightness changes in a fade: more often than the eye can see steps.
const FADE_STEP: Duration = Duration::from_millis(40);

/// An effect that goes on.
pub(super) enum Effect {
    /// On and off.
    Blink(Blink),
    /// Fades in and out.
    Pulse(Pulse),
}

/// A fade in or out.
pub(super) struct Pulse {
    fade_in: Duration,
    fade_out: Duration,
    /// Further pulses after this one; `None` for no end.
    remaining: Option<u32>,
    rising: bool,
    since: Instant,
    step_at: Instant,
}

impl Effect {
    /// Begins to blink, with being on.
    pub(super) fn blink(arguments: &Arguments, now: Instant) -> Result<Effect, Refusal> {
        Blink::begin(arguments, now).map(Effect::Blink)
    }

    /// Begins to pulse, from off.
    pub(super) fn pulse(arguments: &Arguments, now: Instant) -> Result<Effect, Refusal> {
        Pulse::begin(arguments, now).map(Effect::Pulse)
    }

    /// The brightness with which it begins, from 0 to 1.
    pub(super) fn first(&self) -> f64 {
        match self {
            Effect::Blink(blink) => blink.value().number(),
            Effect::Pulse(_) => 0.0,
        }
    }

    /// When the brightness changes next.
    pub(super) fn due(&self) -> Instant {
        match self {
            Effect::Blink(blink) => blink.due(),
            Effect::Pulse(pulse) => pulse.step_at,
        }
    }

    /// The effect as it goes on, or nothing when it has ended, and the brightness from now on.
    pub(super) fn next(self, now: Instant) -> (Option<Effect>, f64) {
        match self {
            Effect::Blink(blink) => {
                let next = blink.next(now);
                let value = next.as_ref().map_or(Value::Inactive, Blink::value);
                (next.map(Effect::Blink), value.number())
            }
            Effect::Pulse(pulse) => {
                let (next, brightness) = pulse.next(now);
                (next.map(Effect::Pulse), brightness)
            }
        }
    }

    /// The field of a state that tells it.
    pub(super) fn field(&self) -> (&'static str, Datum) {
        let name = match self {
            Effect::Blink(_) => "blinking",
            Effect::Pulse(_) => "pulsing",
        };
        (name, Datum::Bool(true))
    }
}

impl Pulse {
    fn begin(arguments: &Arguments, now: Instant) -> Result<Pulse, Refusal> {
        let mut argument = arguments.take();
        let second = Duration::from_secs(1);
        let fade_in = argument.duration("fade_in_time", LEAST_FADE, second)?;
        let fade_out = argument.duration("fade_out_time", LEAST_FADE, second)?;
        let remaining = argument.count("n")?.map(|n| n - 1);
        argument.finish()?;
        Ok(Pulse { fade_in, fade_out, remaining, rising: true, since: now, step_at: now + FADE_STEP })
    }

    /// The brightness now, and the pulse as it goes on, or nothing when it has ended.
    fn next(mut self, now: Instant) -> (Option<Pulse>, f64) {
        let time = if self.rising { self.fade_in } else { self.fade_out };
        let done = now.saturating_duration_since(self.since).as_secs_f64() / time.as_secs_f64();
        self.step_at = now + FADE_STEP;
        if done < 1.0 {
            let brightness = if self.rising { done } else { 1.0 - done };
            return (Some(self), brightness);
        }
        self.since = now;
        if self.rising {
            self.rising = false;
            return (Some(self), 1.0);
        }
        if self.remaining == Some(0) {
            return (None, 0.0);
        }
        self.remaining = self.remaining.map(|n| n - 1);
        self.rising = true;
        (Some(self), 0.0)
    }
}
