//! A tether: how the hardware thread learns that a connection has ended, however it ends.

use std::sync::mpsc::Sender;

use super::inbox::Message;

/// One connection of one client, as the hardware thread knows it; none ever has the same again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub(super) u64);

/// The tie between a connection and the hardware thread.  What the connection has sent before this is dropped is
/// carried out before the hardware thread takes it for ended.
pub struct Tether {
    connection: ConnectionId,
    messages: Sender<Message>,
}

impl Tether {
    pub(super) fn new(connection: ConnectionId, messages: Sender<Message>) -> Tether {
        Tether { connection, messages }
    }

    /// The connection that its requests name.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        // Without a receiver the thread has ended already.
        let _ = self.messages.send(Message::Gone(self.connection));
    }
}
