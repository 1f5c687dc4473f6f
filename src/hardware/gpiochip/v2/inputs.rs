//! Inputs: a request for each line, so that each device has a queue of events for itself.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use gpio_cdev::Chip;
use gpiocdev::{Request, line};
use nix::errno::Errno;

use super::super::CONSUMER;
use super::super::edges::EdgeThread;
use super::super::errors::{self, Cause};
use super::super::version::Version;
use super::super::watched::Watched;
use super::events::{KERNEL_EVENTS, LineEvents};
use super::ours;
use crate::domain::{Bias, Polarity, Value};
use crate::hardware::{EdgeSink, Edges, HardwareError, Input, InputRequest, Line};

/// A line that was taken as an input, and whose edges the thread `edges` waits for.
///
/// Both have the request, and neither needs a lock: the value is a call of its own, and only the thread reads
/// events.
pub(in super::super) struct ChipInput {
    // The order counts when this is dropped: the line is free before the thread may end.
    request: Arc<Request>,
    thread: Arc<EdgeThread>,
    line: Line,
    debounce: Duration,
}

/// Asks the kernel for the line with its edges.
///
/// The kernel debounces by itself where the chip cannot, to the next tick of its clock, which is 1 to 10 ms.  An
/// edge then has the time at which it counted.  Hazard: a chip without resistors gets the request for a bias as
/// well, and does not tell that nothing came of it.
pub(in super::super) fn request(
    chip: &Chip,
    line: &Line,
    request: InputRequest,
) -> Result<Request, HardwareError> {
    if request.debounce > LONGEST_DEBOUNCE {
        return Err(HardwareError::Unsupported(format!(
            "line {line}: the kernel debounces for at most {} s",
            LONGEST_DEBOUNCE.as_secs()
        )));
    }
    let taken = Request::builder()
        .on_chip(chip.path())
        .with_consumer(CONSUMER)
        .with_kernel_event_buffer_size(KERNEL_EVENTS)
        .with_line(line.offset)
        .from_line_config(&settings(request))
        .request();
    taken.map_err(|error| match errors::errno(&error.io_error()) {
        // The chip is there, so what is missing is the interrupt of the line.
        Errno::ENODEV | Errno::ENXIO if Version::V2.infos(chip, line.offset..line.offset + 1).is_ok() => {
            HardwareError::Unsupported(format!(
                "line {line} cannot be an input here: its chip has no interrupts, so edges would go unseen"
            ))
        }
        _ => Version::V2.refused(format!("take {line} as an input"), chip, &[line.offset], error.io_error()),
    })
}

/// Gives the line to the thread, which reports its edges from now on, including those since the request.
pub(in super::super) fn open(
    request: Request,
    line: &Line,
    debounce: Duration,
    thread: Arc<EdgeThread>,
    input: usize,
    edges: EdgeSink,
) -> ChipInput {
    let request = Arc::new(request);
    let source = Box::new(LineEvents::new(request.clone()));
    thread.watch(Watched::new(source, line.clone(), input, edges));
    ChipInput { request, thread, line: line.clone(), debounce }
}

impl Input for ChipInput {
    /// Fails as well when the thread is gone that would report edges: an input that looks alive and never
    /// changes would be worse.
    fn read(&mut self) -> Result<Value, HardwareError> {
        self.thread.check(&self.line)?;
        let value = self.request.lone_value();
        value.map(ours).map_err(|error| errors::call(format!("read {}", self.line), &error))
    }

    fn debounces(&self) -> bool {
        !self.debounce.is_zero()
    }
}

impl Drop for ChipInput {
    /// Waits until the thread let go, so that the line is free afterwards and can be taken anew.
    fn drop(&mut self) {
        self.thread.forget(self.request.as_raw_fd());
    }
}

fn settings(request: InputRequest) -> line::Config {
    let InputRequest { polarity, bias, debounce, edges } = request;
    line::Config {
        direction: Some(line::Direction::Input),
        active_low: polarity == Polarity::ActiveLow,
        bias: match bias {
            Bias::AsIs => None,
            Bias::PullUp => Some(line::Bias::PullUp),
            Bias::PullDown => Some(line::Bias::PullDown),
            Bias::Disabled => Some(line::Bias::Disabled),
        },
        // Both follow the polarity.
        edge_detection: Some(match edges {
            Edges::Both => line::EdgeDetection::BothEdges,
            Edges::ToActive => line::EdgeDetection::RisingEdge,
        }),
        debounce_period: (!debounce.is_zero()).then_some(debounce),
        ..line::Config::default()
    }
}

/// The kernel counts microseconds in a `u32`, and gpiocdev cuts off the rest.
const LONGEST_DEBOUNCE: Duration = Duration::from_secs(4294);
