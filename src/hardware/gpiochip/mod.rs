//! Lines of `/dev/gpiochip*`, through version 1 of the kernel's character device interface.
//!
//! Every request carries the consumer label `gpio-gatekeeper`, which `gpioinfo` shows.  Polarity is the kernel's
//! work: a request says which of its lines are active low, and all values are logical from then on.
//!
//! ```text
//! chips    finds a chip by path, name or label
//! lines    finds a line on it by offset or name
//! outputs  one request for all lines of a device
//! inputs   one request for each line, with its edges
//! edges    the thread that waits for the edges of all inputs
//! errors   what the kernel's refusals mean
//! ```

mod chips;
mod edges;
mod errors;
mod inputs;
mod lines;
mod outputs;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use gpio_cdev::Chip;

use self::chips::Chips;
use self::edges::EdgeThread;
use super::{EdgeSink, Hardware, HardwareError, Input, InputRequest, Line, Outputs, Start};
use crate::domain::{LineAddress, Polarity};

/// The backend for kernels that have version 1 of the GPIO character device interface: Linux 4.8 up to 7.0, and
/// later ones that were built with it (`CONFIG_GPIO_CDEV_V1`).
///
/// What this version cannot do: debounce, more than 64 outputs in one request, and telling that edges were lost.
/// A line whose request is dropped keeps its level on some boards and becomes an input on others.
pub struct Gpiochip {
    /// Where the chips were found that [`Hardware::locate`] answered with.
    paths: HashMap<Arc<str>, PathBuf>,
    /// Lives as long as there are inputs.
    edges: Weak<EdgeThread>,
}

impl Gpiochip {
    /// Makes sure that there is a chip, that it may be opened, and that this kernel answers to version 1.
    ///
    /// No line is touched.  Errors: [`HardwareError::NotFound`] without any chip, [`HardwareError::Call`] when
    /// chips are there and none may be opened (the group `gpio` usually may), [`HardwareError::Unsupported`] when
    /// the kernel has no version 1.
    pub fn open() -> Result<Gpiochip, HardwareError> {
        let chips = Chips::scan()?;
        lines::probe(chips.usable()?)?;
        Ok(Gpiochip { paths: HashMap::new(), edges: Weak::new() })
    }

    /// Opens the chip that a located line is on.  Chips that were unplugged may come back under another number,
    /// so the name is compared.
    fn chip_of(&self, line: &Line) -> Result<Chip, HardwareError> {
        let path = self.paths.get(&line.chip).cloned();
        let path = path.unwrap_or_else(|| Path::new(chips::FOLDER).join(&*line.chip));
        let chip = chips::open(&path)?;
        if chip.name() == &*line.chip {
            Ok(chip)
        } else {
            let found = chips::describe(&chip);
            let path = path.display();
            Err(HardwareError::NotFound(format!("{path} is now {found} and no longer {}", line.chip)))
        }
    }
}

impl Hardware for Gpiochip {
    fn backend(&self) -> &'static str {
        "gpiochip"
    }

    fn is_simulated(&self) -> bool {
        false
    }

    /// Without its thread no input would ever change again.
    fn is_alive(&self) -> bool {
        self.edges.upgrade().is_none_or(|thread| thread.is_running())
    }

    /// Asks for names and numbers only, which changes nothing about a line, whoever holds it.
    fn locate(&mut self, address: &LineAddress) -> Result<Line, HardwareError> {
        let (line, path) = lines::locate(&Chips::scan()?, address)?;
        self.paths.insert(line.chip.clone(), path);
        Ok(line)
    }

    /// Takes the lines as described at [`outputs::open`], which says what [`Start::Keep`] can promise.
    fn open_outputs(
        &mut self,
        lines: &[(Line, Polarity)],
        start: Start<'_>,
    ) -> Result<Box<dyn Outputs>, HardwareError> {
        let Some((first, _)) = lines.first() else {
            return Err(HardwareError::Unsupported("outputs need at least one line".to_owned()));
        };
        let chip = self.chip_of(first)?;
        Ok(Box::new(outputs::open(chip, lines, start)?))
    }

    /// Takes the line as described at [`inputs::open`], which says what a bias is worth.
    fn open_input(
        &mut self,
        line: &Line,
        request: InputRequest,
        input: usize,
        edges: EdgeSink,
    ) -> Result<Box<dyn Input>, HardwareError> {
        let handle = inputs::request(self.chip_of(line)?, line, request)?;
        let thread = match self.edges.upgrade() {
            Some(thread) if thread.is_running() => thread,
            _ => Arc::new(EdgeThread::start()?),
        };
        self.edges = Arc::downgrade(&thread);
        Ok(Box::new(inputs::open(handle, line, thread, input, edges)))
    }
}

/// What `gpioinfo` shows as the holder of our lines.
const CONSUMER: &str = "gpio-gatekeeper";
