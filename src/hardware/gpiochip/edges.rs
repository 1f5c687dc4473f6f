//! The thread that waits for the edges of all inputs at once.

use std::io;
use std::os::fd::{AsFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::super::{ChipNews, ChipSink, Edge, HardwareError, Line};
use super::plugs::Plugs;
use super::watched::Watched;

/// The handle of the thread `edges`.  It belongs to the inputs together, and to whoever wants to hear of chips: with the
/// last of them it is told to stop, and waited for.
pub(super) struct EdgeThread {
    commands: Sender<Command>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl EdgeThread {
    /// Starts the thread, which has nothing to watch yet.
    pub(super) fn start() -> Result<EdgeThread, HardwareError> {
        let failed = |call: &str, cause| HardwareError::Call { call: call.to_owned(), cause };
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(|errno| failed("make an eventfd", errno.into()))?;
        let shared = Arc::new(Shared { wake, running: AtomicBool::new(true) });
        let (commands, inbox) = mpsc::channel();
        let of_thread = shared.clone();
        let thread = thread::Builder::new()
            .name("edges".to_owned())
            .spawn(move || live(&inbox, &of_thread))
            .map_err(|cause| failed("start the thread edges", cause))?;
        Ok(EdgeThread { commands, shared, thread: Some(thread) })
    }

    /// Whether edges are waited for.  Only a failure ends that while there are inputs.
    pub(super) fn is_running(&self) -> bool {
        self.shared.running.load(Ordering::Acquire)
    }

    /// An error when the thread is gone that would report the edges of `line`.
    pub(super) fn check(&self, line: &Line) -> Result<(), HardwareError> {
        if self.is_running() {
            return Ok(());
        }
        let cause = io::Error::other("the thread that waits for edges has ended");
        Err(HardwareError::Call { call: format!("watch {line}"), cause })
    }

    /// Reports the edges of this line from now on.
    pub(super) fn watch(&self, watched: Watched) {
        self.send(Command::Watch(watched));
    }

    /// Tells of chips that go away and come from now on.
    pub(super) fn tell(&self, news: ChipSink) {
        self.send(Command::Tell(news));
    }

    /// Does not report the edges of the line behind `fd` any more.  Returns when the thread has let go of it.
    pub(super) fn forget(&self, fd: RawFd) {
        let (held, released) = mpsc::channel();
        self.send(Command::Forget { fd, _held: held });
        // Ends with an error when the thread drops its end, which is the answer; also when it has ended.
        let _ = released.recv();
    }

    /// A thread that has ended takes no commands, which [`EdgeThread::is_running`] tells the inputs.
    fn send(&self, command: Command) {
        if self.commands.send(command).is_ok() {
            self.shared.wake();
        }
    }
}

impl Drop for EdgeThread {
    fn drop(&mut self) {
        self.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            if thread.join().is_err() {
                log::error!("the thread edges has panicked");
            }
        }
    }
}

/// What the thread and its handle have in common.
struct Shared {
    wake: EventFd,
    running: AtomicBool,
}

impl Shared {
    fn wake(&self) {
        // Fails only when it was written 2^64 times without being read: then the thread is awake.
        let _ = self.wake.write(1);
    }
}

enum Command {
    Watch(Watched),
    Tell(ChipSink),
    /// The channel is never used but dropped, which says: done.
    Forget {
        fd: RawFd,
        _held: Sender<()>,
    },
    Stop,
}

/// The thread.  When it ends before it was told to, every device is made to look, and finds out.
fn live(inbox: &Receiver<Command>, shared: &Shared) {
    let mut lines = Lines::default();
    let ended = catch_unwind(AssertUnwindSafe(|| run(inbox, shared, &mut lines)));
    shared.running.store(false, Ordering::Release);
    let why = match ended {
        Ok(Ok(())) => return,
        Ok(Err(errno)) => format!("poll: {errno}"),
        Err(_) => "the thread edges panicked".to_owned(),
    };
    lines.watched.iter().for_each(|line| line.report(line.end(&why)));
}

/// The lines that the thread was given.
#[derive(Default)]
struct Lines {
    watched: Vec<Watched>,
    /// Those whose chip is gone, also when nobody wants them any more, until a chip comes.
    ///
    /// To let go of them frees their interrupts, and kernel 6.1 was seen to crash when this happened while it was still
    /// removing the chip.
    lost: Vec<Watched>,
}

impl Lines {
    /// Moves lines to those whose chip is gone; returns how many were there before.
    fn lose(&mut self, is_lost: impl Fn(&Watched) -> bool) -> usize {
        let before = self.lost.len();
        let (lost, watched): (Vec<_>, Vec<_>) = self.watched.drain(..).partition(is_lost);
        self.watched = watched;
        self.lost.extend(lost);
        before
    }

    /// Takes note of what happened to a chip, and tells it; then the lines, which nobody asks about any more who was
    /// told of the chip.
    fn note(&mut self, news: ChipNews, told: Option<&ChipSink>) {
        let before = match &news {
            ChipNews::Gone(chip) => self.lose(|line| line.is_on(chip)),
            ChipNews::Came(_) => {
                self.lost.clear();
                0
            }
        };
        if let Some(told) = told {
            told(news);
        }
        self.lost[before..].iter().for_each(|line| line.report(line.end(&Errno::ENODEV)));
    }
}

/// Takes commands, waits, reports.
fn run(inbox: &Receiver<Command>, shared: &Shared, lines: &mut Lines) -> Result<(), Errno> {
    let plugs = Plugs::watch();
    if let Err(errno) = &plugs {
        log::warn!("an unplugged chip will be noticed only when its lines are used: inotify: {errno}");
    }
    let plugs = plugs.ok();
    let mut told: Option<ChipSink> = None;
    loop {
        for command in inbox.try_iter() {
            match command {
                Command::Watch(line) => lines.watched.push(line),
                Command::Tell(sink) => told = Some(sink),
                Command::Forget { fd, _held } => lines.watched.retain(|line| line.raw_fd() != fd),
                Command::Stop => return Ok(()),
            }
        }
        let Woken { news, ended } = report_until_woken(&lines.watched, &shared.wake, plugs.as_ref())?;
        lines.lose(|line| ended.contains(&line.raw_fd()));
        for news in news {
            lines.note(news, told.as_ref());
        }
    }
}

/// Why the thread does something else than reporting edges; also when there are commands.
struct Woken {
    /// What happened to chips.
    news: Vec<ChipNews>,
    /// Lines that have no events any more.
    ended: Vec<RawFd>,
}

/// Reports edges until there are commands, news of chips, or lines that ended.
fn report_until_woken(watched: &[Watched], wake: &EventFd, plugs: Option<&Plugs>) -> Result<Woken, Errno> {
    let wait_for = |fd| PollFd::new(fd, PollFlags::POLLIN);
    let mut fds: Vec<PollFd<'_>> = watched.iter().map(|line| wait_for(line.fd())).collect();
    fds.push(wait_for(wake.as_fd()));
    fds.extend(plugs.map(|plugs| wait_for(plugs.fd())));
    let mut told: Vec<(&Watched, Edge)> = Vec::new();
    loop {
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        }
        let mut ended = Vec::new();
        for _ in 0..ROUNDS {
            for (line, fd) in watched.iter().zip(&fds) {
                // A chip that is unplugged says so here, or at the read, or both.
                let outcome = match fd.revents() {
                    Some(events) if events.is_empty() => Ok(()),
                    Some(PollFlags::POLLIN) => line.drain(&mut |edge| told.push((line, edge))),
                    _ => Err(Errno::ENODEV.into()),
                };
                if let Err(error) = outcome {
                    told.push((line, line.end(&error)));
                    ended.push(line.raw_fd());
                }
            }
            // Each line has a queue of its own, but what turns a knob happens to two of them in turns.  When all queues
            // are empty, what comes later is later.
            let lines = &mut fds[..watched.len()];
            let may_wait = ended.is_empty() && lines.len() > 1;
            if !may_wait || poll(lines, PollTimeout::ZERO).unwrap_or(0) == 0 {
                break;
            }
        }
        told.sort_by_key(|(_, edge)| edge.timestamp_ns);
        told.drain(..).for_each(|(line, edge)| line.report(edge));
        let plugged = plugs.filter(|_| fds.last().and_then(PollFd::any) == Some(true));
        let news = plugged.map(Plugs::news).unwrap_or_default();
        // Reset before the commands are taken, so that none is slept through.
        let woken = wake.read().is_ok();
        if woken || !news.is_empty() || !ended.is_empty() {
            return Ok(Woken { news, ended });
        }
    }
}

/// How often lines are looked at before what they told is passed on: so often that they can be put into order, and not
/// so often that one that never rests keeps the others waiting.
const ROUNDS: usize = 8;

#[cfg(test)]
mod tests {
    use super::super::watched::{Event, EventSource, Finding};
    use super::*;
    use crate::domain::Value;
    use std::os::fd::BorrowedFd;

    /// Events that wait, and what is found with them.
    struct Waiting {
        fd: Arc<EventFd>,
        events: Vec<(u64, u32)>,
        finding: Finding,
        /// What has events when this one was read.
        then: Option<Arc<EventFd>>,
    }

    impl Waiting {
        fn new(events: &[(u64, u32)]) -> Waiting {
            let fd = Arc::new(EventFd::from_value_and_flags(1, EfdFlags::EFD_NONBLOCK).expect("an eventfd"));
            Waiting { fd, events: events.to_vec(), finding: Finding::Complete, then: None }
        }
    }

    impl EventSource for Waiting {
        fn fd(&self) -> BorrowedFd<'_> {
            self.fd.as_fd()
        }

        fn read(&self, report: &mut dyn FnMut(Event)) -> io::Result<Finding> {
            self.fd.read()?;
            for (timestamp_ns, sequence) in &self.events {
                report(Event {
                    timestamp_ns: *timestamp_ns,
                    value: Some(Value::Active),
                    sequence: *sequence,
                });
            }
            self.then.as_ref().map(|then| then.write(1)).transpose()?;
            Ok(self.finding)
        }
    }

    /// What is told of these lines until the thread is woken: input, time and number.
    fn told<const LINES: usize>(waiting: [Waiting; LINES]) -> Vec<(usize, u64, Option<u32>)> {
        let (sender, edges) = mpsc::channel();
        let lines = waiting.into_iter().enumerate().map(|(input, waiting)| {
            let sender = sender.clone();
            let line = Line { chip: "gpiochip0".into(), offset: 4 };
            let sink = Arc::new(move |edge| sender.send(edge).expect("the test waits"));
            Watched::new(Box::new(waiting), line, input, sink)
        });
        let lines: Vec<Watched> = lines.collect();
        let wake = EventFd::from_value(1).expect("an eventfd");
        let woken = report_until_woken(&lines, &wake, None).expect("poll");
        assert!(woken.ended.is_empty() && woken.news.is_empty());
        edges.try_iter().map(|edge| (edge.input, edge.timestamp_ns, edge.sequence)).collect()
    }

    #[test]
    fn edges_of_several_lines_are_told_in_the_order_in_which_they_were() {
        let turned = [Waiting::new(&[(10, 1), (30, 2)]), Waiting::new(&[(20, 1), (40, 2)])];
        assert_eq!(told(turned), [(0, 10, Some(1)), (1, 20, Some(1)), (0, 30, Some(2)), (1, 40, Some(2))]);
    }

    #[test]
    fn so_are_edges_that_come_while_others_are_read() {
        let (late, mut early) = (Waiting::new(&[(20, 1)]), Waiting::new(&[(10, 1), (30, 2)]));
        late.fd.read().expect("it was not read yet");
        early.then = Some(late.fd.clone());
        assert_eq!(told([late, early]), [(1, 10, Some(1)), (0, 20, Some(1)), (1, 30, Some(2))]);
    }

    #[test]
    fn a_loss_is_told_with_a_number_where_it_was_counted() {
        let [counted, uncounted] = [Finding::Lacks(7), Finding::MayLack]
            .map(|finding| told([Waiting { finding, ..Waiting::new(&[(10, 1), (30, 9)]) }]));
        assert_eq!(counted, [(0, 10, Some(1)), (0, 30, Some(9)), (0, 30, Some(9))]);
        assert_eq!(uncounted, [(0, 10, Some(1)), (0, 30, Some(9)), (0, 30, None)]);
    }
}
