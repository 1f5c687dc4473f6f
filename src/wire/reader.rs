//! A reader that cannot leave its block.
//!
//! Whoever decodes bytes reads through this.  A length-prefixed block becomes a reader of its own
//! ([`Reader::sub`]), so nobody counts bytes, and [`Reader::finish`] makes leftovers an error.

use std::error::Error;
use std::fmt;

/// Reads one block of bytes from front to back.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// Why a block could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// The block ended inside a value.
    Ended,
    /// The block went on after its last value.
    Leftover,
    /// A variable byte integer had more than four bytes, or more than its value needs.
    WrongInteger,
}

impl<'a> Reader<'a> {
    /// Starts at the front of a block.
    pub fn new(block: &'a [u8]) -> Reader<'a> {
        Reader { rest: block }
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes have not been read yet.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Takes the next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], ReadError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(ReadError::Ended)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes the next `count` bytes as a block of their own.
    pub fn sub(&mut self, count: usize) -> Result<Reader<'a>, ReadError> {
        self.bytes(count).map(Reader::new)
    }

    /// Takes everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Takes one byte.
    pub fn u8(&mut self) -> Result<u8, ReadError> {
        self.array().map(|[byte]| byte)
    }

    /// Takes two bytes, the more significant one first.
    pub fn u16(&mut self) -> Result<u16, ReadError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Takes four bytes, the most significant one first.
    pub fn u32(&mut self) -> Result<u32, ReadError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Takes a variable byte integer: seven bits per byte, least significant first, four bytes at most.
    pub fn varint(&mut self) -> Result<u32, ReadError> {
        let mut value = 0;
        for position in 0..4 {
            let byte = self.u8()?;
            value |= u32::from(byte & 0x7F) << (7 * position);
            if byte & 0x80 == 0 {
                // [MQTT-1.5.5-1] The encoding uses as few bytes as the value needs.
                let minimal = byte != 0 || position == 0;
                return if minimal { Ok(value) } else { Err(ReadError::WrongInteger) };
            }
        }
        Err(ReadError::WrongInteger)
    }

    /// Ends the reading; bytes that are left are an error.
    pub fn finish(self) -> Result<(), ReadError> {
        if self.rest.is_empty() { Ok(()) } else { Err(ReadError::Leftover) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(ReadError::Ended)?;
        self.rest = rest;
        Ok(*taken)
    }
}

impl ReadError {
    /// The error in words.
    pub fn what(self) -> &'static str {
        match self {
            ReadError::Ended => "a value goes beyond the end of its block",
            ReadError::Leftover => "bytes are left after the last value",
            ReadError::WrongInteger => "a variable byte integer is too long",
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.what())
    }
}

impl Error for ReadError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_big_endian() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(0x0203));
        assert_eq!(reader.u32(), Ok(0x0405_0607));
        assert_eq!(reader.u8(), Err(ReadError::Ended));
    }

    #[test]
    fn a_failed_read_takes_nothing() {
        let mut reader = Reader::new(&[1]);
        assert_eq!(reader.u16(), Err(ReadError::Ended));
        assert_eq!(reader.bytes(2), Err(ReadError::Ended));
        assert_eq!(reader.u8(), Ok(1));
    }

    #[test]
    fn variable_byte_integers_have_their_limits() {
        let table: &[(&[u8], Result<u32, ReadError>)] = &[
            (&[0], Ok(0)),
            (&[0x7F], Ok(127)),
            (&[0x80, 0x01], Ok(128)),
            (&[0xFF, 0x7F], Ok(16_383)),
            (&[0xFF, 0xFF, 0xFF, 0x7F], Ok(268_435_455)),
            (&[0x80], Err(ReadError::Ended)),
            (&[0x80, 0x00], Err(ReadError::WrongInteger)),
            (&[0xFF, 0xFF, 0xFF, 0xFF], Err(ReadError::WrongInteger)),
        ];
        for (bytes, expected) in table {
            assert_eq!(Reader::new(bytes).varint(), *expected, "{bytes:02x?}");
        }
    }

    #[test]
    fn a_block_ends_where_its_length_says() {
        let mut outer = Reader::new(&[1, 2, 3]);
        let mut inner = outer.sub(2).unwrap();
        assert_eq!(inner.rest(), [1, 2]);
        assert_eq!(inner.finish(), Ok(()));
        assert_eq!(outer.finish(), Err(ReadError::Leftover));
    }
}
