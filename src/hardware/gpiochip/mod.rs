//! Lines of `/dev/gpiochip*`, through either version of the kernel's character device interface.
//!
//! Every request carries the consumer label `gpio-gatekeeper`, which `gpioinfo` shows.  Polarity is the kernel's
//! work: a request says which of its lines are active low, and all values are logical from then on.
//!
//! ```text
//! version   which version of the interface, and what it says of a line
//! chips     finds a chip by path, name or label
//! lines     finds a line on it by offset or name
//! v1, v2    the requests for lines, and what they say when a line changes
//! edges     the thread that waits for the edges of all inputs
//! watched   one of them
//! plugs     chips that go away and come, which wakes it
//! errors    what the kernel said, out of the libraries' errors
//! ```

mod chips;
mod edges;
mod errors;
mod lines;
mod plugs;
mod v1;
mod v2;
mod version;
mod watched;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use gpio_cdev::Chip;

use self::chips::Chips;
use self::edges::EdgeThread;
pub use self::version::Version;
use super::group::Group;
use super::{
    ChipSink, EdgeSink, Hardware, HardwareError, Input, InputRequest, Line, Outputs, Pwm, Signal, Start,
    pwm_sysfs,
};
use crate::domain::{LineAddress, Polarity, PwmAddress};

/// The backend for the kernel's chips.
///
/// A line whose request is dropped keeps its level on some boards and becomes an input on others.
pub struct Gpiochip {
    version: Version,
    /// Where the chips were found that [`Hardware::locate`] answered with.
    paths: HashMap<Arc<str>, PathBuf>,
    /// Lives as long as there are inputs.
    edges: Weak<EdgeThread>,
    /// The same, where it tells of chips.
    news: Option<Arc<EdgeThread>>,
}

impl Gpiochip {
    /// Takes the newest version that this kernel answers to, after making sure that there is a chip and that it may
    /// be opened.
    ///
    /// No line is touched.  Errors: [`HardwareError::NotFound`] without any chip, [`HardwareError::Call`] when
    /// chips are there and none may be opened (the group `gpio` usually may), [`HardwareError::Unsupported`] when
    /// the kernel has neither version.
    pub fn open() -> Result<Gpiochip, HardwareError> {
        let chips = Chips::scan()?.usable()?;
        Ok(Gpiochip::new(version::newest(|version| version.probe(&chips))?))
    }

    /// Takes this version and no other; else as [`Gpiochip::open`].
    pub fn open_version(version: Version) -> Result<Gpiochip, HardwareError> {
        version.probe(&Chips::scan()?.usable()?)?;
        Ok(Gpiochip::new(version))
    }

    fn new(version: Version) -> Gpiochip {
        Gpiochip { version, paths: HashMap::new(), edges: Weak::new(), news: None }
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

    /// The thread that waits for edges, which begins with the first input.
    fn edge_thread(&mut self) -> Result<Arc<EdgeThread>, HardwareError> {
        let thread = match self.edges.upgrade() {
            Some(thread) if thread.is_running() => thread,
            _ => Arc::new(EdgeThread::start()?),
        };
        self.edges = Arc::downgrade(&thread);
        Ok(thread)
    }
}

impl Hardware for Gpiochip {
    fn backend(&self) -> &'static str {
        self.version.backend()
    }

    fn is_simulated(&self) -> bool {
        false
    }

    /// Without its thread no input would ever change again.
    fn is_alive(&self) -> bool {
        self.edges.upgrade().is_none_or(|thread| thread.is_running())
    }

    /// Tells of what is in `/dev`, so that nothing is told where that is not the kernel's own, as in some containers.
    /// The device then learns of it when it next uses the line.
    fn watch_chips(&mut self, news: ChipSink) {
        match self.edge_thread() {
            Ok(thread) => {
                thread.tell(news);
                self.news = Some(thread);
            }
            Err(error) => {
                log::warn!("an unplugged chip will be noticed only when its lines are used: {error}")
            }
        }
    }

    /// Asks for names and numbers only, which changes nothing about a line, whoever holds it.
    fn locate(&mut self, address: &LineAddress) -> Result<Line, HardwareError> {
        let (line, path) = lines::locate(self.version, &Chips::scan()?, address)?;
        self.paths.insert(line.chip.clone(), path);
        Ok(line)
    }

    /// Takes the lines as described at [`v1::outputs::open`] or [`v2::outputs::open`], which say what
    /// [`Start::Keep`] can promise.
    fn open_outputs(
        &mut self,
        lines: &[(Line, Polarity)],
        start: Start<'_>,
    ) -> Result<Box<dyn Outputs>, HardwareError> {
        let group = Group::new(lines)?;
        let chip = self.chip_of(&lines[0].0)?;
        Ok(match self.version {
            Version::V1 => Box::new(v1::outputs::open(chip, lines, group, start)?),
            Version::V2 => Box::new(v2::outputs::open(&chip, lines, group, start)?),
        })
    }

    /// Takes the line as described at [`v1::inputs::request`] or [`v2::inputs::request`], which say what a bias is
    /// worth.
    fn open_input(
        &mut self,
        line: &Line,
        request: InputRequest,
        input: usize,
        edges: EdgeSink,
    ) -> Result<Box<dyn Input>, HardwareError> {
        let (chip, thread) = (self.chip_of(line)?, self.edge_thread()?);
        Ok(match self.version {
            Version::V1 => {
                let handle = v1::inputs::request(chip, line, request)?;
                Box::new(v1::inputs::open(handle, line, thread, input, edges))
            }
            Version::V2 => {
                let taken = v2::inputs::request(&chip, line, request)?;
                Box::new(v2::inputs::open(taken, line, request.debounce, thread, input, edges))
            }
        })
    }

    /// Takes the channel as described at [`pwm_sysfs::open`]; it has nothing to do with the chips of lines.
    fn open_pwm(
        &mut self,
        address: &PwmAddress,
        polarity: Polarity,
        start: Signal,
    ) -> Result<Box<dyn Pwm>, HardwareError> {
        Ok(Box::new(pwm_sysfs::open(Path::new(pwm_sysfs::ROOT), address, polarity, start)?))
    }
}

/// What `gpioinfo` shows as the holder of our lines.
const CONSUMER: &str = "gpio-gatekeeper";
