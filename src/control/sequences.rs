//! Sequences: values that an output takes one after the other, each for its time, without anybody sending them.
//!
//! Every output that can be set has them.  A sequence is on all the while, as blinking is; any other write ends it.

use std::time::{Duration, Instant};

use log::error;

use super::station::Station;
use super::{Activity, Controller, Now, Occasion};
use crate::domain::{Action, ActionSpec, Arguments, Code, Datum, ParameterSpec, Refusal};

/// What an output can do that can be set.
pub(super) const SEQUENCE: ActionSpec = ActionSpec {
    name: "sequence",
    summary: "sets one value after the other, each for its time, and leaves it at the last",
    parameters: &[
        ParameterSpec {
            name: "steps",
            summary: "1 to 100 pairs of a value and its time of at least 10ms: [[1, 0.5], [0, \"200ms\"]], or as a \
                      text 1:500ms,0:200ms",
        },
        ParameterSpec { name: "n", summary: "how many times, at least 1; default 1" },
    ],
};

const MOST_STEPS: usize = 100;
/// As with blinking: less would only heat a relay and fill the network.
const LEAST_TIME: Duration = Duration::from_millis(10);

/// A sequence that goes on.
pub(super) struct Sequence {
    steps: Vec<Step>,
    /// The place of the step that was taken last.
    at: usize,
    /// How often it begins again.
    remaining: u32,
    /// When the next step is due.
    due: Instant,
}

struct Step {
    value: Datum,
    time: Duration,
}

impl Sequence {
    /// Reads the arguments of the action; its first step is taken now.
    fn begin(arguments: &Arguments, now: Instant) -> Result<Sequence, Refusal> {
        let mut argument = arguments.take();
        let steps = read_steps(argument.required("steps")?)?;
        let remaining = argument.count("n")?.map_or(0, |n| n - 1);
        argument.finish()?;
        let due = steps.first().map_or(now, |step| now + step.time);
        Ok(Sequence { steps, at: 0, remaining, due })
    }

    /// Goes on to the next step, and what that sets; nothing where the last one is over.
    fn next(&mut self, now: Instant) -> Option<Datum> {
        self.at += 1;
        if self.at == self.steps.len() {
            self.remaining = self.remaining.checked_sub(1)?;
            self.at = 0;
        }
        let step = self.steps.get(self.at)?;
        // It does not drift; one that fell behind by a step goes on from now and does not catch up.
        self.due += step.time;
        if self.due <= now {
            self.due = now + step.time;
        }
        Some(step.value.clone())
    }
}

/// The steps as a list of pairs, or as a text of them.
fn read_steps(given: &Datum) -> Result<Vec<Step>, Refusal> {
    let form =
        || Refusal::new(Code::BadValue, "steps are pairs of a value and its time, such as 1:500ms,0:200ms");
    let pairs: Vec<(Datum, Datum)> = match given {
        Datum::List(pairs) => {
            let pairs = pairs.iter().map(|pair| match pair {
                Datum::List(pair) => match &pair[..] {
                    [value, time] => Ok((value.clone(), time.clone())),
                    _ => Err(form()),
                },
                _ => Err(form()),
            });
            pairs.collect::<Result<_, _>>()?
        }
        Datum::Text(text) => {
            let pairs = text.split(',').map(|pair| {
                let (value, time) = pair.rsplit_once(':').ok_or_else(form)?;
                Ok((Datum::from(value.trim()), Datum::from(time.trim())))
            });
            pairs.collect::<Result<_, Refusal>>()?
        }
        _ => return Err(form()),
    };
    if !(1..=MOST_STEPS).contains(&pairs.len()) {
        let message = format!("a sequence has 1 to {MOST_STEPS} steps, not {}", pairs.len());
        return Err(Refusal::new(Code::OutOfRange, message));
    }
    let steps = pairs.into_iter().enumerate().map(|(place, (value, time))| {
        let time = Arguments { positional: vec![time], named: Vec::new() };
        let time = time.take().duration("time", LEAST_TIME, Duration::ZERO);
        let time = time.map_err(|refusal| at_step(place, refusal))?;
        // No time at all was given, which is none.
        if time.is_zero() { Err(form()) } else { Ok(Step { value, time }) }
    });
    steps.collect()
}

/// The same refusal, which says for which step it is.
fn at_step(place: usize, refusal: Refusal) -> Refusal {
    Refusal::new(refusal.code, format!("step {}: {}", place + 1, refusal.message))
}

fn setting(value: Datum) -> Arguments {
    Action::set(value).arguments
}

impl Station {
    /// Carries out an action; what changes something ends the sequence that goes on, or begins one.
    pub(super) fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let begun = if verb == SEQUENCE.name && self.kind.settable().is_some() {
            Some(self.begin(arguments, now)?)
        } else {
            None
        };
        let acted = match &begun {
            Some(first) => self.device.act("set", &setting(first.steps[0].value.clone()), now),
            None => self.device.act(verb, arguments, now),
        };
        let is_write = verb != "read" && acted.as_ref().err().is_none_or(|r| r.code == Code::DeviceFault);
        if is_write {
            self.sequence = begun.filter(|_| acted.is_ok());
        }
        acted
    }

    /// A sequence of which every step can be taken.
    fn begin(&self, arguments: &Arguments, now: Instant) -> Result<Sequence, Refusal> {
        let sequence = Sequence::begin(arguments, now)?;
        for (place, step) in sequence.steps.iter().enumerate() {
            let checked = self.device.check_set(&setting(step.value.clone()), self.kind.range);
            checked.map_err(|refusal| at_step(place, refusal))?;
        }
        Ok(sequence)
    }

    /// Whether it does something, or will.
    pub(super) fn activity(&self) -> Activity {
        if self.sequence.is_some() { Activity::Active } else { self.device.activity() }
    }

    /// When the next step of its sequence is due.
    pub(super) fn step_due(&self) -> Option<Instant> {
        self.sequence.as_ref().map(|sequence| sequence.due)
    }

    /// Ends its sequence, if it has one that does not outlast this occasion; true when it had.
    pub(super) fn leave(&mut self, occasion: Occasion) -> bool {
        let policy = self.policies.iter().find(|(name, _)| *name == occasion.as_str());
        let holds = policy.is_some_and(|(_, policy)| matches!(policy, Datum::Text(word) if word == "hold"));
        let outlasts = holds && occasion != Occasion::Stop;
        self.sequence.take_if(|_| !outlasts).is_some()
    }
}

impl Controller {
    /// Takes the next step of a sequence, if it is due.  One that is refused ends it.
    pub(super) fn step(&mut self, index: usize, now: Now) {
        let station = &mut self.stations[index];
        if station.step_due().is_none_or(|due| due > now.instant) {
            return;
        }
        let old = station.told().value.clone().ok();
        let value = station.sequence.as_mut().and_then(|sequence| sequence.next(now.instant));
        let Some(value) = value else {
            station.sequence = None;
            return self.look(index, now);
        };
        let action = Action::set(value);
        let taken = match self.interlocked(index, &action, now) {
            Some(refusal) => Err(refusal),
            None => self.stations[index].device.act(&action.verb, &action.arguments, now.instant),
        };
        if let Err(refusal) = &taken {
            let station = &mut self.stations[index];
            error!("{}: its sequence has ended: {refusal}", station.name);
            station.sequence = None;
        }
        self.look(index, now);
        if taken.is_err() {
            self.audit_own(index, SEQUENCE.name, taken, old, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(given: Datum) -> Result<Vec<(String, u128)>, Code> {
        let steps = read_steps(&given).map_err(|refusal| refusal.code)?;
        Ok(steps.into_iter().map(|step| (step.value.to_string(), step.time.as_millis())).collect())
    }

    #[test]
    fn steps_are_a_list_or_a_text() {
        let list = Datum::List(vec![
            Datum::List(vec![1.0.into(), 0.5.into()]),
            Datum::List(vec!["off".into(), "200ms".into()]),
        ]);
        let expected = Ok(vec![("1".to_owned(), 500), ("off".to_owned(), 200)]);
        assert_eq!(steps(list), expected);
        assert_eq!(steps("1:0.5, off:200ms".into()), expected);
    }

    #[test]
    fn what_is_no_sequence_is_refused() {
        let many = vec!["1:1s"; MOST_STEPS + 1].join(",");
        for (given, code) in [
            ("", Code::BadValue),
            ("1", Code::BadValue),
            ("1:1s,", Code::BadValue),
            ("1:soon", Code::BadValue),
            ("1:9ms", Code::OutOfRange),
            ("1:-1", Code::BadValue),
            (many.as_str(), Code::OutOfRange),
        ] {
            assert_eq!(steps(given.into()), Err(code), "{given}");
        }
        for given in [Datum::List(Vec::new()), 1.0.into(), Datum::List(vec![1.0.into()])] {
            assert!(steps(given.clone()).is_err(), "{given:?}");
        }
        let no_time = Datum::List(vec![Datum::List(vec![1.0.into(), Datum::Null])]);
        assert_eq!(steps(no_time), Err(Code::BadValue));
    }

    #[test]
    fn it_is_repeated_keeps_its_rhythm_and_ends() {
        let start = Instant::now();
        let arguments =
            Arguments { positional: vec!["1:100ms,0:50ms".into(), 2.0.into()], named: Vec::new() };
        let mut sequence = Sequence::begin(&arguments, start).expect("it is one");
        let mut seen = vec![(sequence.due - start).as_millis()];
        while let Some(_value) = sequence.next(sequence.due + Duration::from_millis(7)) {
            seen.push((sequence.due - start).as_millis());
        }
        assert_eq!(seen, [100, 150, 250, 300]);
    }
}
