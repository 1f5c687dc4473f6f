//! A line whose edges are waited for, and where they come from.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::Once;

use super::super::{Edge, EdgeSink, Line};
use crate::domain::Value;

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

    /// What becomes readable when there is something to drain.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.source.fd()
    }

    /// The number of the same.
    pub(super) fn raw_fd(&self) -> RawFd {
        self.fd().as_raw_fd()
    }

    /// Whether its chip has this name.
    pub(super) fn is_on(&self, chip: &str) -> bool {
        &*self.line.chip == chip
    }

    /// The events that wait.
    ///
    /// After a loss there is one edge more, without a value: whoever then reads the line ends with its true value, and
    /// only the times of the lost edges stay unknown.  Where their numbers tell how many they were it has the number of
    /// the edge before; else it has none.
    pub(super) fn drain(&self, tell: &mut dyn FnMut(Edge)) -> io::Result<()> {
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
    pub(super) fn end(&self, why: &dyn std::fmt::Display) -> Edge {
        log::error!("line {} reports no edges any more: {why}", self.line);
        self.edge(None, None)
    }

    /// Hands an edge to whom it is for.
    pub(super) fn report(&self, edge: Edge) {
        (self.edges)(edge);
    }

    fn edge(&self, value: Option<Value>, sequence: Option<u32>) -> Edge {
        Edge { input: self.input, value, timestamp_ns: self.last_ns.get(), sequence }
    }
}
