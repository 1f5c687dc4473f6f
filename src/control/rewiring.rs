//! Lines that a device takes and gives back while it is used.
//!
//! Most devices take their lines when they are built, and keep them.  One that does not has its line named at the
//! [`super::Bench`] then, so that it is nobody else's, and takes it here when it is told to.

use super::{Controller, Device, Now};
use crate::domain::{Polarity, Refusal};
use crate::hardware::{EdgeSink, Hardware, HardwareError, Input, InputRequest, Line, Outputs, Start};

/// What a device takes lines with after it was built.
pub struct Wiring<'a> {
    hardware: &'a mut dyn Hardware,
    edges: &'a EdgeSink,
}

impl Wiring<'_> {
    /// Takes a line of the device as an input, whose edges carry `number`: one that the device has reserved.
    pub fn input(
        &mut self,
        line: &Line,
        request: InputRequest,
        number: usize,
    ) -> Result<Box<dyn Input>, HardwareError> {
        self.hardware.open_input(line, request, number, self.edges.clone())
    }

    /// Takes a line of the device as an output.
    pub fn output(
        &mut self,
        line: &Line,
        polarity: Polarity,
        start: Start<'_>,
    ) -> Result<Box<dyn Outputs>, HardwareError> {
        self.hardware.open_outputs(&[(line.clone(), polarity)], start)
    }
}

impl Controller {
    /// Lets a device take and give back lines, where what it has just done asks for that.
    pub(super) fn rewire(&mut self, index: usize, now: Now) -> Result<(), Refusal> {
        let mut wiring = Wiring { hardware: self.hardware.as_mut(), edges: &self.sites.edges };
        let device: &mut dyn Device = self.stations[index].device.as_mut();
        device.rewire(&mut wiring, now.instant)
    }
}
