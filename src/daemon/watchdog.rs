//! The watchdog: a thread that now and then asks the hardware thread for a sign of life, and says when none comes.
//!
//! It asks, sleeps, and looks at its next turn whether there was an answer, so that a turn costs two wakeups: its own
//! and one of the hardware thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use log::{error, info, warn};

use super::{Ending, Supervisor};
use crate::control::{Commands, SignsOfLife};
use crate::domain::Span;

/// Whoever has started the daemon, and the thread that watches for them.
pub(super) struct Watchdog {
    supervisor: Supervisor,
    /// Where nobody wants it, there is none.
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

/// What it knows and decides; the time is told to it.
struct Watch {
    period: Duration,
    /// The hardware thread is stuck when it has not answered for so long; nothing where only a supervisor judges.
    limit: Option<Duration>,
    answers: u64,
    /// Silence is told once.
    silent: bool,
    /// When the next turn is due.
    due: Instant,
    /// Silence before this moment does not count.
    from: Instant,
}

/// What a turn has shown.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// There was an answer since the last turn.
    Alive,
    /// There was one, after silence that was told.
    Recovered,
    /// There was none yet.
    Waiting,
    /// There was none for so long that it is to be told.
    Silent(Duration),
    /// There was none for longer than is allowed.
    Stuck(Duration),
}

/// Silence is told when it has lasted as long as `/health` waits.
const TELL_AFTER: Duration = Duration::from_millis(500);
/// A turn that comes so late shows that this process, or the machine, stood still.
const STOOD_STILL: Duration = Duration::from_millis(500);

impl Watchdog {
    /// Watches the hardware thread behind `commands`, if anybody wants that: whoever has configured a `limit`, or the
    /// supervisor.
    pub(super) fn start(
        supervisor: Supervisor,
        commands: &Commands,
        limit: Option<Span>,
        endings: &Sender<Ending>,
    ) -> std::io::Result<Watchdog> {
        let limit = limit.map(|Span(limit)| limit);
        let Some(watch) = Watch::new(limit, supervisor.watchdog(), Instant::now()) else {
            return Ok(Watchdog { supervisor, thread: None });
        };
        let (stop, stopped) = channel();
        let (told, commands, endings) = (supervisor.clone(), commands.clone(), endings.clone());
        let thread = std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            let watching = AssertUnwindSafe(|| run(watch, &commands, &told, &stopped));
            let ended = catch_unwind(watching).unwrap_or(Some(Ending::Watchdog));
            // A daemon that is no more has stopped.
            let _ = ended.map(|why| endings.send(why));
        })?;
        Ok(Watchdog { supervisor, thread: Some((stop, thread)) })
    }

    /// Ends it: from now on the daemon stops.
    pub(super) fn stop(self) {
        self.supervisor.stopping();
        if let Some((stop, thread)) = self.thread {
            drop(stop);
            let _ = thread.join();
        }
    }
}

/// Gives the reason where it ends by itself; nothing when it is told to, or when there is nobody left to be watched.
fn run(
    mut watch: Watch,
    commands: &Commands,
    supervisor: &Supervisor,
    stopped: &Receiver<()>,
) -> Option<Ending> {
    loop {
        let signs = commands.signs_of_life(Instant::now())?;
        match watch.look(signs, Instant::now()) {
            Seen::Alive => supervisor.alive(),
            Seen::Recovered => {
                supervisor.alive();
                supervisor.status("the hardware thread answers again");
                info!("the hardware thread answers again");
            }
            Seen::Waiting => {}
            Seen::Silent(silence) => {
                let words = format!("the hardware thread has not answered for {:.1}s", silence.as_secs_f64());
                supervisor.status(&words);
                warn!("{words}");
            }
            Seen::Stuck(silence) => {
                let words =
                    format!("the hardware thread is stuck: no answer for {:.1}s", silence.as_secs_f64());
                supervisor.status(&words);
                error!(
                    "{words}; a call to the hardware does not come back (the kernel's log may say why), so that this \
                     process ends; where it could not write on_stop values, `gpio-gatekeeper safe-states --config FILE` \
                     writes them as soon as it has ended"
                );
                return Some(Ending::Stuck);
            }
        }
        let wait = watch.due.saturating_duration_since(Instant::now());
        if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            return None;
        }
    }
}

impl Watch {
    /// With a turn in half the time after which silence means something.
    fn new(limit: Option<Duration>, supervisor: Option<Duration>, now: Instant) -> Option<Watch> {
        let period = limit.into_iter().chain(supervisor).min()? / 2;
        Some(Watch { period, limit, answers: 0, silent: false, due: now, from: now })
    }

    /// Takes note of the signs of life at `now`, and of when to look again.
    fn look(&mut self, signs: SignsOfLife, now: Instant) -> Seen {
        if now > self.due + STOOD_STILL {
            // Then the hardware thread had no chance to answer either.
            self.from = now;
        }
        let answered = std::mem::replace(&mut self.answers, signs.answers) < signs.answers;
        self.due = now + self.period;
        if answered {
            // Whatever somebody else has asked since then.
            return if std::mem::take(&mut self.silent) { Seen::Recovered } else { Seen::Alive };
        }
        let Some(asked) = signs.asked else { return Seen::Waiting };
        let silence = now.saturating_duration_since(asked.max(self.from));
        // Sooner than usual, so that a late answer is not passed on later still; and at the limit exactly.
        let left = self.limit.map(|limit| limit.saturating_sub(silence));
        self.due = now + left.map_or(self.period / 4, |left| left.min(self.period / 4));
        if left == Some(Duration::ZERO) {
            Seen::Stuck(silence)
        } else if silence >= TELL_AFTER && !std::mem::replace(&mut self.silent, true) {
            Seen::Silent(silence)
        } else {
            Seen::Waiting
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn watch(limit: Option<u32>, supervisor: Option<u32>) -> (Watch, Instant) {
        let now = Instant::now();
        let [limit, supervisor] = [limit, supervisor].map(|seconds| seconds.map(|seconds| SECOND * seconds));
        (Watch::new(limit, supervisor, now).expect("somebody wants it"), now)
    }

    /// So many answers, and a question that waits since then.
    fn signs(answers: u64, asked: Option<Instant>) -> SignsOfLife {
        SignsOfLife { answers, asked }
    }

    #[test]
    fn a_turn_comes_in_half_of_the_shorter_time() {
        for (limit, supervisor, period) in
            [(Some(10), None, 5), (Some(10), Some(30), 5), (Some(10), Some(4), 2), (None, Some(6), 3)]
        {
            assert_eq!(watch(limit, supervisor).0.period, SECOND * period);
        }
        assert!(Watch::new(None, None, Instant::now()).is_none());
    }

    #[test]
    fn only_an_answer_since_the_last_turn_is_a_sign_of_life() {
        let (mut watch, start) = watch(Some(10), None);
        assert_eq!(watch.look(signs(0, None), start), Seen::Waiting, "nobody was asked yet");
        assert_eq!(watch.look(signs(1, None), start + SECOND * 5), Seen::Alive);
        assert_eq!(watch.due, start + SECOND * 10);
        assert_eq!(watch.look(signs(1, None), start + SECOND * 10), Seen::Waiting);
        let another_asks = Some(start + SECOND * 15);
        assert_eq!(watch.look(signs(7, another_asks), start + SECOND * 15), Seen::Alive);
    }

    #[test]
    fn silence_is_told_once_and_is_the_end_at_the_limit_exactly() {
        let (mut watch, asked) = watch(Some(10), None);
        watch.look(signs(0, None), asked);
        let mut seen = Vec::new();
        while seen.last() != Some(&Seen::Stuck(SECOND * 10)) {
            let now = watch.due;
            seen.push(watch.look(signs(0, Some(asked)), now));
            assert!(now <= asked + SECOND * 10, "{seen:?}");
        }
        assert_eq!(seen[0], Seen::Silent(SECOND * 5));
        assert!(seen[1..seen.len() - 1].iter().all(|seen| *seen == Seen::Waiting), "{seen:?}");
    }

    #[test]
    fn an_answer_that_comes_late_is_told_too() {
        let (mut watch, start) = watch(Some(10), None);
        watch.look(signs(0, None), start);
        assert_eq!(watch.look(signs(0, Some(start)), start + SECOND * 5), Seen::Silent(SECOND * 5));
        assert_eq!(watch.look(signs(1, None), watch.due), Seen::Recovered);
        let asked = watch.due;
        assert_eq!(watch.look(signs(2, None), asked), Seen::Alive);
    }

    #[test]
    fn a_supervisor_alone_hears_nothing_in_silence_and_decides_itself() {
        let (mut watch, start) = watch(None, Some(2));
        watch.look(signs(0, None), start);
        for _ in 0..1000 {
            let seen = watch.look(signs(0, Some(start)), watch.due);
            assert!(matches!(seen, Seen::Waiting | Seen::Silent(_)), "{seen:?}");
        }
    }

    #[test]
    fn time_in_which_the_whole_process_stood_still_does_not_count() {
        let (mut watch, start) = watch(Some(10), None);
        watch.look(signs(0, None), start);
        let later = start + SECOND * 3600;
        assert_eq!(watch.look(signs(0, Some(start)), later), Seen::Waiting);
        assert_eq!(watch.look(signs(0, Some(start)), watch.due), Seen::Silent(watch.period / 4));
        while watch.due < later + SECOND * 10 {
            assert_eq!(watch.look(signs(0, Some(start)), watch.due), Seen::Waiting);
        }
        assert_eq!(watch.look(signs(0, Some(start)), watch.due), Seen::Stuck(SECOND * 10));
    }
}
