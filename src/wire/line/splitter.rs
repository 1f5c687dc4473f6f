//! Finds frames in a stream of bytes, however it was cut into reads.

use super::frame::{Malformed, find_id};
use super::{BAR, END, START};

/// Splits a stream into frames and what is wrong between them.
///
/// It holds no bytes, only where it is: the caller keeps a buffer, hands in what has not been consumed yet, and
/// drops what a [`Split`] says was consumed.  Every byte is looked at once, whatever the size of the reads (twice
/// in a frame that is too long), and less than the maximum frame stays in the buffer between reads.
///
/// ```
/// use gpio_gatekeeper::wire::line::{Item, Split, Splitter};
///
/// let mut splitter = Splitter::new(4096);
/// let mut buffer: &[u8] = b"|START|COMMAND=LIST|END|\n|START|COMM";
/// let mut frames = 0;
/// loop {
///     let Split { consumed, item } = splitter.split(buffer);
///     buffer = &buffer[consumed..];
///     match item {
///         Some(Item::Frame(_)) => frames += 1,
///         Some(_) => unreachable!("nothing is wrong here"),
///         None => break,
///     }
/// }
/// assert_eq!((frames, buffer), (1, &b"|START|COMM"[..]));
/// ```
#[derive(Debug)]
pub struct Splitter {
    maximum_frame: usize,
    place: Place,
}

/// What was found at the beginning of the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split<'a> {
    /// So many bytes are done with and must not be handed in again.
    pub consumed: usize,
    /// What they were, or nothing when more bytes are needed to say.
    pub item: Option<Item<'a>>,
}

/// One thing found in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// A complete frame, from `|START|` up to and with `|END|`, for [`Frame::parse`](super::Frame::parse).
    Frame(&'a [u8]),
    /// A frame with a raw control character, such as the end of the line where `|END|` was forgotten.
    Malformed(Malformed),
    /// A frame longer than the maximum, reported once; everything up to the next `|START|` is skipped.
    TooLong {
        /// The `ID` of the request, if it stood within the maximum.
        id: Option<String>,
    },
    /// Text outside of any frame: reported at the end of its line, at the `|START|` that follows it, and every
    /// maximum frame of bytes.
    Stray,
}

/// Where in the stream the first byte of the buffer stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Between frames, after so many bytes of stray text that were not reported yet.
    Between { stray: usize },
    /// In what is left of a malformed frame: skipped until its line ends.
    BrokenLine,
    /// In what is left of a frame that was too long: skipped until the next one begins.
    BrokenFrame,
    /// At the `|START|` of a frame whose bytes before `scanned` are known; its last field begins at `field`.
    Frame { field: usize, scanned: usize },
}

impl Splitter {
    /// For frames of at most `maximum_frame` bytes, counted from the first to the last `|`.
    pub fn new(maximum_frame: usize) -> Splitter {
        Splitter { maximum_frame, place: Place::Between { stray: 0 } }
    }

    /// Looks at `buffer`, which begins with the first byte that was not consumed yet.  Call again, with what is
    /// left, until there is no item.
    pub fn split<'a>(&mut self, buffer: &'a [u8]) -> Split<'a> {
        match self.place {
            Place::Frame { field, scanned } => self.frame(buffer, 0, field, scanned),
            _ => self.outside(buffer),
        }
    }

    /// What is unfinished when no more bytes will come; `rest` is what was not consumed.
    pub fn finish(&mut self, rest: &[u8]) -> Option<Item<'static>> {
        match std::mem::replace(&mut self.place, Place::Between { stray: 0 }) {
            Place::Between { stray: 0 } if rest.is_empty() => None,
            Place::Between { .. } => Some(Item::Stray),
            Place::BrokenLine | Place::BrokenFrame => None,
            Place::Frame { .. } => {
                Some(Item::Malformed(Malformed::new("the stream ended inside a frame", rest)))
            }
        }
    }

    /// Looks for the next `|START|`, and reports what should not stand before it.
    fn outside<'a>(&mut self, buffer: &'a [u8]) -> Split<'a> {
        let mut at = 0;
        while let Some(byte) = buffer.get(at) {
            if *byte == BAR {
                let rest = &buffer[at..];
                if rest.starts_with(START) {
                    if let Place::Between { stray: 1.. } = self.place {
                        return self.report(at, Item::Stray, Place::Between { stray: 0 });
                    }
                    return self.frame(buffer, at, at + START.len(), at + START.len());
                }
                if START.starts_with(rest) {
                    break;
                }
            }
            at += 1;
            match (&mut self.place, *byte) {
                (Place::Between { stray: 1.. }, b'\n') => {
                    return self.report(at, Item::Stray, Place::Between { stray: 0 });
                }
                (Place::BrokenLine, b'\n') => self.place = Place::Between { stray: 0 },
                (Place::Between { .. }, b'\r' | b'\n' | b' ' | b'\t') => {}
                (Place::Between { stray }, _) => {
                    *stray += 1;
                    if *stray >= self.maximum_frame {
                        return self.report(at, Item::Stray, Place::Between { stray: 0 });
                    }
                }
                _ => {}
            }
        }
        Split { consumed: at, item: None }
    }

    /// Looks for the end of the frame that begins at `begin`.
    fn frame<'a>(
        &mut self,
        buffer: &'a [u8],
        mut begin: usize,
        mut field: usize,
        mut scanned: usize,
    ) -> Split<'a> {
        loop {
            let limit = begin.saturating_add(self.maximum_frame);
            let fresh = buffer.get(scanned..limit.min(buffer.len())).unwrap_or_default();
            let Some(offset) = fresh.iter().position(|byte| *byte == BAR || byte.is_ascii_control()) else {
                if buffer.len() >= limit {
                    // The last bar stays: it may be the first of the next |START|.
                    let last_bar = field - 1;
                    let id = find_id(&buffer[begin..last_bar]);
                    return self.report(last_bar, Item::TooLong { id }, Place::BrokenFrame);
                }
                self.place = Place::Frame { field: field - begin, scanned: buffer.len() - begin };
                return Split { consumed: begin, item: None };
            };
            let at = scanned + offset;
            scanned = at + 1;
            match (buffer[at], &buffer[field..at]) {
                (BAR, END) => {
                    let item = Item::Frame(&buffer[begin..scanned]);
                    return self.report(scanned, item, Place::Between { stray: 0 });
                }
                (BAR, b"START") => begin = field - 1,
                (BAR, _) => {}
                (control, _) => {
                    let (what, next) = match control {
                        b'\r' | b'\n' => (NO_END, Place::Between { stray: 0 }),
                        _ => (CONTROL, Place::BrokenLine),
                    };
                    let malformed = Malformed::new(what, &buffer[begin..at]);
                    return self.report(scanned, Item::Malformed(malformed), next);
                }
            }
            field = scanned;
        }
    }

    fn report<'a>(&mut self, consumed: usize, item: Item<'a>, place: Place) -> Split<'a> {
        self.place = place;
        Split { consumed, item: Some(item) }
    }
}

const NO_END: &str = "the frame has no |END| before the end of the line";
const CONTROL: &str = "a control character in a frame is written as %XX";
