//! Inputs: one request for each line, because version 1 reports the edges of one line only.

use std::os::fd::AsRawFd;
use std::sync::Arc;

use gpio_cdev::{Chip, EventRequestFlags, LineEventHandle, LineRequestFlags};
use nix::errno::Errno;

use super::super::CONSUMER;
use super::super::edges::EdgeThread;
use super::super::errors::{self, Cause};
use super::super::version::Version;
use super::super::watched::Watched;
use super::events::LineEvents;
use crate::domain::{Bias, Polarity, Value};
use crate::hardware::{EdgeSink, Edges, HardwareError, Input, InputRequest, Line};

/// A line that was taken as an input, and whose edges the thread `edges` waits for.
///
/// Both have the handle, and neither needs a lock: the value is a call of its own, and only the thread reads
/// events.
pub(in super::super) struct ChipInput {
    // The order counts when this is dropped: the line is free before the thread may end.
    handle: Arc<LineEventHandle>,
    thread: Arc<EdgeThread>,
    line: Line,
}

/// Asks the kernel for the line with its edges.
///
/// A kernel without bias (before Linux 5.5) refuses one, and so does this.  Hazard: a *chip* without resistors
/// gets the request from newer kernels as well, and they do not tell that nothing came of it.
pub(in super::super) fn request(
    mut chip: Chip,
    line: &Line,
    request: InputRequest,
) -> Result<LineEventHandle, HardwareError> {
    let found =
        chip.get_line(line.offset).map_err(|error| errors::call(format!("find line {line}"), &error))?;
    let InputRequest { polarity, bias, edges, debounce: _ } = request;
    let flags = LineRequestFlags::INPUT | active(polarity) | resistor(bias);
    found.events(flags, wanted(edges), CONSUMER).map_err(|error| {
        match errors::errno(&error.io_error()) {
            Errno::EINVAL if bias != Bias::AsIs => HardwareError::Unsupported(format!(
                "the kernel refuses the bias of line {line} (it needs Linux 5.5 or later and a chip that can): \
                 leave the bias away and use a resistor"
            )),
            // The chip is there, so what is missing is the interrupt of the line.
            Errno::ENODEV | Errno::ENXIO if found.info().is_ok() => HardwareError::Unsupported(format!(
                "line {line} cannot be an input here: its chip has no interrupts, so edges would go unseen"
            )),
            _ => {
                Version::V1.refused(format!("take {line} as an input"), &chip, &[line.offset], error.io_error())
            }
        }
    })
}

/// Gives the line to the thread, which reports its edges from now on, including those since the request.
pub(in super::super) fn open(
    handle: LineEventHandle,
    line: &Line,
    thread: Arc<EdgeThread>,
    input: usize,
    edges: EdgeSink,
) -> ChipInput {
    let handle = Arc::new(handle);
    let source = Box::new(LineEvents::new(handle.clone()));
    thread.watch(Watched::new(source, line.clone(), input, edges));
    ChipInput { handle, thread, line: line.clone() }
}

impl Input for ChipInput {
    /// Fails as well when the thread is gone that would report edges: an input that looks alive and never
    /// changes would be worse.
    fn read(&mut self) -> Result<Value, HardwareError> {
        self.thread.check(&self.line)?;
        let level = self.handle.get_value();
        let level = level.map_err(|error| errors::call(format!("read {}", self.line), &error))?;
        Ok(Value::from_bool(level != 0))
    }
}

impl Drop for ChipInput {
    /// Waits until the thread let go, so that the line is free afterwards and can be taken anew.
    fn drop(&mut self) {
        self.thread.forget(self.handle.as_raw_fd());
    }
}

/// Both follow the polarity of the request.
fn wanted(edges: Edges) -> EventRequestFlags {
    match edges {
        Edges::Both => EventRequestFlags::BOTH_EDGES,
        Edges::ToActive => EventRequestFlags::RISING_EDGE,
    }
}

fn active(polarity: Polarity) -> LineRequestFlags {
    match polarity {
        Polarity::ActiveHigh => LineRequestFlags::empty(),
        Polarity::ActiveLow => LineRequestFlags::ACTIVE_LOW,
    }
}

/// The kernel's GPIOHANDLE_REQUEST_BIAS_* flags, which gpio-cdev has no names for.
fn resistor(bias: Bias) -> LineRequestFlags {
    LineRequestFlags::from_bits_retain(match bias {
        Bias::AsIs => 0,
        Bias::PullUp => 1 << 5,
        Bias::PullDown => 1 << 6,
        Bias::Disabled => 1 << 7,
    })
}
