//! Version 2 of the kernel's interface, through gpiocdev.
//!
//! Each line of a request has settings of its own, so polarity is always the kernel's work; inputs are debounced by
//! the kernel, and their edges numbered.
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

use gpio_cdev::Chip;
use gpiocdev::line;

use super::errors::Cause;
use super::version::LineInfo;
use crate::domain::Value;

/// What is known of lines; the error is that of the first line that failed.
pub(super) fn infos(chip: &Chip, offsets: Range<u32>) -> Result<Vec<LineInfo>, (u32, io::Error)> {
    let opened = gpiocdev::Chip::from_path(chip.path()).map_err(|error| (offsets.start, error.io_error()))?;
    let text = |text: String| if text.is_empty() { None } else { Some(text) };
    offsets
        .map(|offset| {
            let info = opened.line_info(offset).map_err(|error| (offset, error.io_error()))?;
            Ok(LineInfo {
                name: text(info.name),
                is_held: info.used,
                consumer: text(info.consumer),
                is_output: info.direction == line::Direction::Output,
            })
        })
        .collect()
}

/// A value as gpiocdev calls it.
fn kernels(value: Value) -> line::Value {
    line::Value::from(value.is_active())
}

/// A value as we call it.
fn ours(value: line::Value) -> Value {
    Value::from_bool(value.into())
}
