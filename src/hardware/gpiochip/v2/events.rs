//! The events of a line that was requested by version 2.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use gpiocdev::Request;
use gpiocdev::line::EdgeKind;

use super::super::errors::Cause;
use super::super::watched::{Event, EventSource, Finding};
use crate::domain::Value;

/// A line's queue of events, which drops older ones.  Each has a number, and the gap tells how many were dropped.
pub(super) struct LineEvents {
    request: Arc<Request>,
    /// The number of the last event; the first has 1.
    last: Cell<u32>,
}

impl LineEvents {
    pub(super) fn new(request: Arc<Request>) -> LineEvents {
        LineEvents { request, last: Cell::new(0) }
    }
}

impl EventSource for LineEvents {
    fn fd(&self) -> BorrowedFd<'_> {
        self.request.as_fd()
    }

    fn read(&self, report: &mut dyn FnMut(Event)) -> io::Result<Finding> {
        let mut buffer = [0; EVENT_WORDS * EVENTS];
        let words =
            self.request.read_edge_events_into_slice(&mut buffer).map_err(|error| error.io_error())?;
        if words == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut lost = 0_u32;
        for event in buffer[..words].chunks_exact(EVENT_WORDS) {
            let event = self.request.edge_event_from_slice(event).map_err(|error| error.io_error())?;
            let before = event.line_seqno.wrapping_sub(self.last.replace(event.line_seqno));
            lost = lost.saturating_add(before.saturating_sub(1));
            report(Event {
                timestamp_ns: event.timestamp_ns,
                value: Some(match event.kind {
                    EdgeKind::Rising => Value::Active,
                    EdgeKind::Falling => Value::Inactive,
                }),
                sequence: event.line_seqno,
            });
        }
        Ok(if lost == 0 { Finding::Complete } else { Finding::Lacks(lost) })
    }
}

/// The size of the kernel's `struct gpio_v2_line_event`, the same everywhere.
const EVENT_WORDS: usize = 48 / size_of::<u64>();

/// So many events are read at once.
const EVENTS: usize = 64;

/// So many events wait in the kernel at most, 48 bytes each.  Its default is 16, which a line that is only counted
/// fills in less than the time for which the thread may be kept waiting for a processor.
pub(super) const KERNEL_EVENTS: u32 = 256;
