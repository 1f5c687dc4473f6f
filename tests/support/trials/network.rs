//! What clients reach the gatekeeper by.

/// Connections, by their numbers.
pub trait Network {
    /// A new one.
    fn connect(&mut self) -> usize;

    /// Sends bytes.
    fn write(&mut self, connection: usize, bytes: &[u8]);

    /// What has come since the last look.
    fn read(&mut self, connection: usize) -> Vec<u8>;

    /// Whether the connection has ended.
    fn is_over(&self, connection: usize) -> bool;

    /// Breaks the connection: what is on its way is lost.
    fn lose(&mut self, connection: usize, patience: Patience);
}

/// Whether the gatekeeper's thread of a connection that broke waits for the answers to what it took, or has waited
/// for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    Some,
    None,
}
