//! The events of a line that was requested by version 1.

use std::cell::Cell;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use gpio_cdev::LineEventHandle;

use super::super::watched::{Event, EventSource, Finding};
use crate::domain::Value;

/// A line's queue of 16 events, which drops newer ones without a word.
pub(super) struct LineEvents {
    handle: Arc<LineEventHandle>,
    /// How many events it had.
    count: Cell<u32>,
}

impl LineEvents {
    pub(super) fn new(handle: Arc<LineEventHandle>) -> LineEvents {
        LineEvents { handle, count: Cell::new(0) }
    }
}

impl EventSource for LineEvents {
    fn fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Whenever events were dropped the queue was full, so that it is then read to its end and nobody can tell.
    fn read(&self, report: &mut dyn FnMut(Event)) -> io::Result<Finding> {
        let mut buffer = [0; EVENT_BYTES * FIFO_EVENTS];
        let length = match self.handle.file().read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => length,
        };
        for event in buffer[..length].chunks_exact(EVENT_BYTES) {
            if let Some((timestamp, rest)) = event.split_first_chunk() {
                self.count.set(self.count.get().wrapping_add(1));
                report(Event {
                    timestamp_ns: u64::from_ne_bytes(*timestamp),
                    value: rest.first_chunk().and_then(|id| went_to(u32::from_ne_bytes(*id))),
                    sequence: self.count.get(),
                });
            }
        }
        Ok(if length == buffer.len() { Finding::MayLack } else { Finding::Complete })
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
