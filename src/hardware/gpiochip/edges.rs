//! The thread that waits for the edges of all inputs at once.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Once};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::super::{Edge, EdgeSink, HardwareError, Line};
use super::removals::Removals;
use crate::domain::Value;

/// The handle of the thread `edges`.  It belongs to the inputs together: with the last of them it is told to stop,
/// and waited for.
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

/// Where the events of one line come from: a request of either version of the kernel's interface.
pub(super) trait EventSource: Send {
    /// What becomes readable with the first event.
    fn fd(&self) -> BorrowedFd<'_>;

    /// Reports events that wait, the oldest first.  Asked only when there are some, so that it does not wait.
    fn read(&self, report: &mut dyn FnMut(Event)) -> io::Result<Finding>;
}

/// An edge as the kernel tells it.
pub(super) struct Event {
    /// In nanoseconds of CLOCK_MONOTONIC.
    pub(super) timestamp_ns: u64,
    /// What the line went to, where the kernel says one of the two.
    pub(super) value: Option<Value>,
    /// Which of the line's edges it is; a number that wraps.
    pub(super) sequence: u32,
}

/// What was found when events were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// All of them.
    Complete,
    /// The queue was full, so that newer ones may have been dropped.
    MayLack,
    /// So many were dropped.
    Lacks(u32),
}

/// A line whose edges are waited for.
pub(super) struct Watched {
    source: Box<dyn EventSource>,
    line: Line,
    input: usize,
    edges: EdgeSink,
    /// The time of its last edge, in nanoseconds of CLOCK_MONOTONIC.
    last_ns: Cell<u64>,
    overrun: Once,
}

impl Watched {
    /// Edges of `line`, whose events come from `source`, go to `edges` under the number `input`.
    pub(super) fn new(source: Box<dyn EventSource>, line: Line, input: usize, edges: EdgeSink) -> Watched {
        Watched { source, line, input, edges, last_ns: Cell::new(0), overrun: Once::new() }
    }

    /// The events that wait.
    ///
    /// After a loss there is one edge more, without a value: whoever then reads the line ends with its true value, and
    /// only the times of the lost edges stay unknown.  Where their numbers tell how many they were it has the number of
    /// the edge before; else it has none.
    fn drain(&self, tell: &mut dyn FnMut(Edge)) -> io::Result<()> {
        let mut last = None;
        let read = self.source.read(&mut |event| {
            self.last_ns.set(event.timestamp_ns);
            last = Some(event.sequence);
            tell(self.edge(event.value, last));
        });
        let (lost, counted) = match read {
            Ok(Finding::Complete) => return Ok(()),
            Ok(Finding::MayLack) => ("edges may be lost".to_owned(), None),
            Ok(Finding::Lacks(count)) => (format!("{count} edges were lost"), last),
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.overrun.call_once(|| {
            log::warn!("line {} changes faster than it is read: {lost}; said once", self.line);
        });
        tell(self.edge(None, counted));
        Ok(())
    }

    /// One more edge, so that the device reads the line and finds out what happened to it.
    fn end(&self, why: &dyn std::fmt::Display) -> Edge {
        log::error!("line {} reports no edges any more: {why}", self.line);
        self.edge(None, None)
    }

    fn edge(&self, value: Option<Value>, sequence: Option<u32>) -> Edge {
        Edge { input: self.input, value, timestamp_ns: self.last_ns.get(), sequence }
    }

    fn report(&self, edge: Edge) {
        (self.edges)(edge);
    }

    fn raw_fd(&self) -> RawFd {
        self.source.fd().as_raw_fd()
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
    /// The channel is never used but dropped, which says: done.
    Forget {
        fd: RawFd,
        _held: Sender<()>,
    },
    Stop,
}

/// The thread.  When it ends before it was told to, every device is made to look, and finds out.
fn live(inbox: &Receiver<Command>, shared: &Shared) {
    let mut watched: Vec<Watched> = Vec::new();
    let ended = catch_unwind(AssertUnwindSafe(|| run(inbox, shared, &mut watched)));
    shared.running.store(false, Ordering::Release);
    let why = match ended {
        Ok(Ok(())) => return,
        Ok(Err(errno)) => format!("poll: {errno}"),
        Err(_) => "the thread edges panicked".to_owned(),
    };
    watched.iter().for_each(|line| line.report(line.end(&why)));
}

/// Takes commands, waits, reports.
fn run(inbox: &Receiver<Command>, shared: &Shared, watched: &mut Vec<Watched>) -> Result<(), Errno> {
    let removals = Removals::watch();
    if let Err(errno) = &removals {
        log::warn!("an unplugged chip will be noticed only when its lines are next used: inotify: {errno}");
    }
    let removals = removals.ok();
    loop {
        for command in inbox.try_iter() {
            match command {
                Command::Watch(line) => watched.push(line),
                Command::Forget { fd, _held } => watched.retain(|line| line.raw_fd() != fd),
                Command::Stop => return Ok(()),
            }
        }
        let ended = report_until_woken(watched, &shared.wake, removals.as_ref())?;
        watched.retain(|line| !ended.contains(&line.raw_fd()));
    }
}

/// Reports edges until there are commands, or lines that ended: these are returned.
fn report_until_woken(
    watched: &[Watched],
    wake: &EventFd,
    removals: Option<&Removals>,
) -> Result<Vec<RawFd>, Errno> {
    let wait_for = |fd| PollFd::new(fd, PollFlags::POLLIN);
    let mut fds: Vec<PollFd<'_>> = watched.iter().map(|line| wait_for(line.source.fd())).collect();
    fds.push(wait_for(wake.as_fd()));
    fds.extend(removals.map(|removals| wait_for(removals.fd())));
    let mut told: Vec<(&Watched, Edge)> = Vec::new();
    loop {
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        }
        let mut ended = Vec::new();
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
        // Each line has a queue of its own, but what turns a knob happens to two of them in turns.
        told.sort_by_key(|(_, edge)| edge.timestamp_ns);
        told.drain(..).for_each(|(line, edge)| line.report(edge));
        // Read, so that it wakes the next wait with the next removal only.
        if let Some((removals, _)) = removals.zip(fds.last().and_then(PollFd::any).filter(|any| *any)) {
            removals.drain();
        }
        // Reset before the commands are taken, so that none is slept through.
        let woken = wake.read().is_ok();
        if woken || !ended.is_empty() {
            return Ok(ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events that wait, and what is found with them.
    struct Waiting {
        fd: EventFd,
        events: [(u64, u32); 2],
        finding: Finding,
    }

    impl EventSource for Waiting {
        fn fd(&self) -> BorrowedFd<'_> {
            self.fd.as_fd()
        }

        fn read(&self, report: &mut dyn FnMut(Event)) -> io::Result<Finding> {
            self.fd.read()?;
            for (timestamp_ns, sequence) in self.events {
                report(Event { timestamp_ns, value: Some(Value::Active), sequence });
            }
            Ok(self.finding)
        }
    }

    /// What is told when these wait at the same time: input, time and number.
    fn told(waiting: Vec<([(u64, u32); 2], Finding)>) -> Vec<(usize, u64, Option<u32>)> {
        let (sender, edges) = mpsc::channel();
        let lines = waiting.into_iter().enumerate().map(|(input, (events, finding))| {
            let fd = EventFd::from_value_and_flags(1, EfdFlags::EFD_NONBLOCK).expect("an eventfd");
            let sender = sender.clone();
            let line = Line { chip: "gpiochip0".into(), offset: 4 };
            let sink = Arc::new(move |edge| sender.send(edge).expect("the test waits"));
            Watched::new(Box::new(Waiting { fd, events, finding }), line, input, sink)
        });
        let lines: Vec<Watched> = lines.collect();
        let wake = EventFd::from_value(1).expect("an eventfd");
        assert_eq!(report_until_woken(&lines, &wake, None), Ok(Vec::new()));
        edges.try_iter().map(|edge| (edge.input, edge.timestamp_ns, edge.sequence)).collect()
    }

    #[test]
    fn edges_of_several_lines_are_told_in_the_order_in_which_they_were() {
        let turned = vec![([(10, 1), (30, 2)], Finding::Complete), ([(20, 1), (40, 2)], Finding::Complete)];
        let expected = [(0, 10, Some(1)), (1, 20, Some(1)), (0, 30, Some(2)), (1, 40, Some(2))];
        assert_eq!(told(turned), expected);
    }

    #[test]
    fn a_loss_is_told_with_a_number_where_it_was_counted() {
        let events = [(10, 1), (30, 9)];
        let [counted, uncounted] =
            [Finding::Lacks(7), Finding::MayLack].map(|finding| told(vec![(events, finding)]));
        assert_eq!(counted, [(0, 10, Some(1)), (0, 30, Some(9)), (0, 30, Some(9))]);
        assert_eq!(uncounted, [(0, 10, Some(1)), (0, 30, Some(9)), (0, 30, None)]);
    }
}
