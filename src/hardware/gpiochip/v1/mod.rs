//! Version 1 of the kernel's interface, through gpio-cdev.
//!
//! ```text
//! outputs  one request for all lines of a device
//! inputs   one request for each line, with its edges
//! ```

pub(super) mod inputs;
pub(super) mod outputs;
