//! Version 1 of the kernel's interface, through gpio-cdev.
//!
//! What it cannot do: debounce, edges of several lines in one request, taking a line anew without releasing it, and
//! telling that edges were lost.
//!
//! ```text
//! outputs  one request for all lines of a device
//! inputs   one request for each line, with its edges
//! events   what such a request says when the line changes
//! ```

mod events;
pub(super) mod inputs;
pub(super) mod outputs;

use std::io;
use std::ops::Range;

use gpio_cdev::{Chip, LineDirection};

use super::errors::Cause;
use super::version::LineInfo;

/// What is known of lines; the error is that of the first line that failed.
pub(super) fn infos(chip: &Chip, offsets: Range<u32>) -> Result<Vec<LineInfo>, (u32, io::Error)> {
    let lines = chip.lines().filter(|line| offsets.contains(&line.offset()));
    lines
        .map(|line| {
            let info = line.info().map_err(|error| (line.offset(), error.io_error()))?;
            Ok(LineInfo {
                name: info.name().map(str::to_owned),
                // The kernel's word for held by somebody, be it the kernel or a program.
                is_held: info.is_kernel(),
                consumer: info.consumer().map(str::to_owned),
                is_output: info.direction() == LineDirection::Out,
            })
        })
        .collect()
}
