//! The thread that waits for the edges of all inputs at once.

use std::cell::Cell;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Once};
use std::thread::{self, JoinHandle};

use gpio_cdev::LineEventHandle;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::super::{Edge, EdgeSink, HardwareError, Line};
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

/// A line whose edges are waited for.
pub(super) struct Watched {
    handle: Arc<LineEventHandle>,
    line: Line,
    input: usize,
    edges: EdgeSink,
    /// The time of its last edge, in nanoseconds of CLOCK_MONOTONIC.
    last_ns: Cell<u64>,
    /// How many edges it had.
    count: Cell<u32>,
    overrun: Once,
}

impl Watched {
    /// Edges of `line`, whose events come from `handle`, go to `edges` under the number `input`.
    pub(super) fn new(handle: Arc<LineEventHandle>, line: Line, input: usize, edges: EdgeSink) -> Watched {
        Watched {
            handle,
            line,
            input,
            edges,
            last_ns: Cell::new(0),
            count: Cell::new(0),
            overrun: Once::new(),
        }
    }

    /// Reads all events that wait, then reports them.
    ///
    /// The kernel keeps 16 events of a line and drops newer ones without a word.  Whenever it did, there were
    /// events to read afterwards.  So after a full FIFO one edge more is reported, without a value: whoever then
    /// reads the line ends with its true value, and only the times of the lost edges stay unknown.
    fn drain(&self) -> io::Result<()> {
        let mut buffer = [0; EVENT_BYTES * FIFO_EVENTS];
        // Does not wait: there is an event, and nobody else reads.
        let length = match self.handle.file().read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => length,
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let full = length == buffer.len();
        if full {
            self.overrun.call_once(|| {
                log::warn!("line {} changes faster than it is read: edges may be lost", self.line);
            });
        }
        for event in buffer[..length].chunks_exact(EVENT_BYTES) {
            if let Some((timestamp, rest)) = event.split_first_chunk() {
                self.last_ns.set(u64::from_ne_bytes(*timestamp));
                self.count.set(self.count.get().wrapping_add(1));
                let value = rest.first_chunk().and_then(|id| went_to(u32::from_ne_bytes(*id)));
                self.report(value, Some(self.count.get()));
            }
        }
        if full {
            self.report(None, None);
        }
        Ok(())
    }

    /// Reports one more edge, so that the device reads the line and finds out what happened to it.
    fn end(&self, why: &dyn std::fmt::Display) {
        log::error!("line {} reports no edges any more: {why}", self.line);
        self.report(None, None);
    }

    fn report(&self, value: Option<Value>, sequence: Option<u32>) {
        (self.edges)(Edge { input: self.input, value, timestamp_ns: self.last_ns.get(), sequence });
    }
}

/// The kernel's GPIOEVENT_EVENT_RISING_EDGE and _FALLING_EDGE, which follow the polarity of the request.
fn went_to(id: u32) -> Option<Value> {
    match id {
        1 => Some(Value::Active),
        2 => Some(Value::Inactive),
        _ => None,
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
    watched.iter().for_each(|line| line.end(&why));
}

/// Takes commands, waits, reports.
fn run(inbox: &Receiver<Command>, shared: &Shared, watched: &mut Vec<Watched>) -> Result<(), Errno> {
    loop {
        for command in inbox.try_iter() {
            match command {
                Command::Watch(line) => watched.push(line),
                Command::Forget { fd, _held } => watched.retain(|line| line.handle.as_raw_fd() != fd),
                Command::Stop => return Ok(()),
            }
        }
        let ended = report_until_woken(watched, &shared.wake)?;
        watched.retain(|line| !ended.contains(&line.handle.as_raw_fd()));
    }
}

/// Reports edges until there are commands, or lines that ended: these are returned.
fn report_until_woken(watched: &[Watched], wake: &EventFd) -> Result<Vec<RawFd>, Errno> {
    let mut fds = vec![PollFd::new(wake.as_fd(), PollFlags::POLLIN)];
    fds.extend(watched.iter().map(|line| PollFd::new(line.handle.as_fd(), PollFlags::POLLIN)));
    loop {
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        }
        let mut ended = Vec::new();
        for (line, fd) in watched.iter().zip(&fds[1..]) {
            // A chip that is unplugged says so here, or at the read, or both; but kernel 6.1 does not wake a poll
            // that waits already.  There the device learns of it when it next reads the line.
            let outcome = match fd.revents() {
                Some(events) if events.is_empty() => Ok(()),
                Some(PollFlags::POLLIN) => line.drain(),
                _ => Err(Errno::ENODEV.into()),
            };
            if let Err(error) = outcome {
                line.end(&error);
                ended.push(line.handle.as_raw_fd());
            }
        }
        // Reset before the commands are taken, so that none is slept through.
        let woken = wake.read().is_ok();
        if woken || !ended.is_empty() {
            return Ok(ended);
        }
    }
}

/// The kernel's `struct gpioevent_data`, for its size, which depends on the architecture.
#[repr(C)]
struct KernelEvent {
    /// In nanoseconds: of CLOCK_MONOTONIC, but of CLOCK_REALTIME before Linux 5.7.
    timestamp: u64,
    /// Rising or falling.
    id: u32,
}

const EVENT_BYTES: usize = size_of::<KernelEvent>();

/// How many events of a line the kernel keeps.
const FIFO_EVENTS: usize = 16;
