//! Bytes as decisions.

/// What is decided next; when there are no more bytes, the first possibility always.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Choices<'a> {
        Choices(bytes)
    }

    /// Whether there are any left.
    pub fn more(&self) -> bool {
        !self.0.is_empty()
    }

    /// One of so many possibilities.
    pub fn below(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % count
    }

    /// Some bytes, less than 64.
    pub fn bytes(&mut self) -> Vec<u8> {
        let length = self.below(64).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes.to_vec()
    }
}
