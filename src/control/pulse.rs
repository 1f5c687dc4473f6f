//! The pulse of the hardware thread: whether it answers, asked only when somebody wants to know.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What those who ask share: however many they are, one question is under way.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// When the question that is not answered yet was asked.
    asked: Option<Instant>,
    answers: u64,
    /// How long the last answer took.
    last: Duration,
    ended: bool,
}

/// Why the hardware thread has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPulse {
    /// It did not in time: it may be stuck in a call to the hardware.
    Stuck,
    /// It has ended, or is about to.
    Ended,
}

/// How alive the hardware thread looks from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignsOfLife {
    /// How often it has answered since its start.
    pub answers: u64,
    /// When it was asked what it had not answered yet; nothing where it owed no answer.
    pub asked: Option<Instant>,
}

impl Pulse {
    /// What is known of it without waiting; where no question is under way, `ask` asks the next one at `now`.  Nothing
    /// when it has ended.
    pub(super) fn look(&self, now: Instant, ask: impl FnOnce() -> bool) -> Option<SignsOfLife> {
        let mut state = self.state();
        let signs = SignsOfLife { answers: state.answers, asked: state.asked };
        if state.asked.is_none() && !state.ended {
            state.asked = Some(now);
            state.ended = !ask();
        }
        (!state.ended).then_some(signs)
    }

    /// Waits for an answer, and says how long it took; `ask` asks, if nobody has, and is true if that could be done.
    pub(super) fn feel(&self, patience: Duration, ask: impl FnOnce() -> bool) -> Result<Duration, NoPulse> {
        let mut state = self.state();
        if state.asked.is_none() && !state.ended {
            state.asked = Some(Instant::now());
            state.ended = !ask();
        }
        let before = state.answers;
        let silent = |state: &mut State| state.answers == before && !state.ended;
        let waited = self.changed.wait_timeout_while(state, patience, silent);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        match (state.answers == before, state.ended) {
            (false, _) => Ok(state.last),
            (true, true) => Err(NoPulse::Ended),
            (true, false) => Err(NoPulse::Stuck),
        }
    }

    /// The question has reached the hardware thread.
    pub(super) fn answer(&self) {
        let mut state = self.state();
        state.last = state.asked.take().map_or(Duration::ZERO, |asked| asked.elapsed());
        state.answers += 1;
        self.changed.notify_all();
    }

    /// Nothing is answered any more.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of it is whole before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn many_who_ask_share_one_question() {
        let (pulse, asked) = (Pulse::default(), AtomicU32::new(0));
        let ask = || {
            asked.fetch_add(1, Ordering::SeqCst);
            true
        };
        assert_eq!(pulse.feel(Duration::ZERO, ask), Err(NoPulse::Stuck));
        for _ in 0..5 {
            assert_eq!(pulse.feel(Duration::ZERO, ask), Err(NoPulse::Stuck));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        pulse.answer();
        std::thread::scope(|scope| {
            let answered = scope.spawn(|| pulse.feel(LONG, ask));
            while asked.load(Ordering::SeqCst) < 2 {
                std::thread::yield_now();
            }
            pulse.answer();
            assert!(answered.join().expect("it ends well").is_ok());
        });
    }

    #[test]
    fn who_only_looks_asks_once_and_sees_the_answer_at_the_next_look() {
        let (pulse, asked, now) = (Pulse::default(), AtomicU32::new(0), Instant::now());
        let look = |now| {
            pulse.look(now, || {
                asked.fetch_add(1, Ordering::SeqCst);
                true
            })
        };
        assert_eq!(look(now), Some(SignsOfLife { answers: 0, asked: None }));
        for later in [1, 2] {
            let waiting = Some(SignsOfLife { answers: 0, asked: Some(now) });
            assert_eq!(look(now + Duration::from_secs(later)), waiting);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        pulse.answer();
        assert_eq!(look(now), Some(SignsOfLife { answers: 1, asked: None }));
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        pulse.end();
        assert_eq!(look(now), None);
    }

    #[test]
    fn an_end_is_told_at_once_and_for_ever() {
        let pulse = Pulse::default();
        assert_eq!(pulse.feel(LONG, || false), Err(NoPulse::Ended));
        assert_eq!(pulse.feel(LONG, || panic!("nobody is asked any more")), Err(NoPulse::Ended));
        let pulse = Pulse::default();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pulse.feel(LONG, || true));
            pulse.end();
            assert_eq!(waiting.join().expect("it ends well"), Err(NoPulse::Ended));
        });
    }
}
