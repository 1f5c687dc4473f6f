//! A WebSocket below a link: the bytes of binary messages, as if they came and went on a plain connection.
//!
//! The library keeps what it has read and what it could not write yet.  So that nobody waits for a socket that has
//! nothing more to say, each look reads the socket once, and takes every message that is complete then.

use std::io::{self, ErrorKind, Read as _};

use log::debug;
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use super::Read;
use super::stream::Stream;

/// One WebSocket that was agreed on.
#[derive(Debug)]
pub(super) struct Channel {
    websocket: WebSocket<Gate>,
    stage: Stage,
    /// Bytes came together with the request, and were not looked at yet.
    unread: bool,
    /// Something was accepted and is not written yet.
    unsent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Messages are read.
    Open,
    /// The client has broken the rules, so that nothing it sends can be understood any more.
    Deaf,
    /// Both have said goodbye.
    Over,
}

/// The connection, which lets itself be read as often as it is opened.
#[derive(Debug)]
struct Gate {
    stream: Stream,
    is_open: bool,
}

/// So much is read at once, and so much memory an idle client takes for it.
const READ_BUFFER: usize = 4 << 10;
/// So many bytes are sent in one message at most: the library keeps a buffer of that size for as long as it lives.
const LONGEST_MESSAGE: usize = 4 << 10;
/// Room for control frames behind a message that is not written yet.
const CONTROL_FRAMES: usize = 1 << 10;

impl Channel {
    /// Goes on with a connection on which the WebSocket was agreed on; `rest` is what the client has sent since.  Its
    /// messages have at most `largest` bytes.
    pub(super) fn new(stream: Stream, rest: Vec<u8>, largest: usize) -> Channel {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(LONGEST_MESSAGE + CONTROL_FRAMES)
            .max_message_size(Some(largest))
            .max_frame_size(Some(largest));
        let unread = !rest.is_empty();
        let gate = Gate { stream, is_open: false };
        let websocket = WebSocket::from_partially_read(gate, rest, Role::Server, Some(config));
        Channel { websocket, stage: Stage::Open, unread, unsent: false }
    }

    /// Whether there may be messages although the socket has nothing to read.
    pub(super) fn has_unread(&self) -> bool {
        self.unread || self.stream().has_unread()
    }

    /// Whether something waits for the socket to be written.
    pub(super) fn has_unsent(&self) -> bool {
        self.unsent || self.stream().has_unsent()
    }

    /// Whether both sides have said goodbye.
    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Adds the payload of binary messages to `buffer`, where a packet may begin in one and end in another
    /// [MQTT-6.0.0-2].
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<Read> {
        match self.stage {
            Stage::Open => {}
            Stage::Deaf => return self.skip(),
            Stage::Over => return Ok(Read::End),
        }
        self.unread = false;
        self.websocket.get_mut().is_open = true;
        let filled = buffer.len();
        let (mut ended, mut asked) = (false, false);
        loop {
            match self.websocket.read() {
                Ok(Message::Binary(bytes)) => buffer.extend_from_slice(&bytes),
                // [MQTT-6.0.0-1]
                Ok(Message::Text(_)) => {
                    self.close(CloseCode::Unsupported, "MQTT comes in binary messages")?;
                    ended = true;
                    break;
                }
                Ok(Message::Close(_)) => (ended, asked) = (true, true),
                // The library has put the answer to a ping by.
                Ok(_) => asked = true,
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => {
                    self.fail(error)?;
                    ended = true;
                    break;
                }
            }
        }
        if asked {
            self.flush()?;
        }
        Ok(match (ended, buffer.len() > filled) {
            (true, _) => Read::End,
            (false, true) => Read::Bytes,
            (false, false) => Read::Nothing,
        })
    }

    /// Sends as much as goes into one message, when what was sent before is written; says how much that is.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.has_unsent() {
            self.flush()?;
        }
        if self.has_unsent() {
            return Ok(0);
        }
        if bytes.is_empty() || !self.websocket.can_write() {
            // Behind a goodbye nothing is sent any more.
            return Ok(bytes.len());
        }
        let message = &bytes[..bytes.len().min(LONGEST_MESSAGE)];
        match self.websocket.write(Message::binary(message.to_vec())) {
            Ok(()) => Ok(message.len()),
            Err(Error::WriteBufferFull(_)) => {
                self.unsent = true;
                Ok(0)
            }
            // It is kept, and written when there is room.
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                self.unsent = true;
                Ok(message.len())
            }
            Err(error) => self.fail(error).map(|()| bytes.len()),
        }
    }

    /// Says goodbye, unless that was done.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.close(CloseCode::Normal, "")
    }

    /// Says below the WebSocket too that no more will be sent.
    pub(super) fn finish_stream(&mut self) -> io::Result<()> {
        self.websocket.get_mut().stream.finish()
    }

    /// What it goes over.
    pub(super) fn stream(&self) -> &Stream {
        &self.websocket.get_ref().stream
    }

    fn close(&mut self, code: CloseCode, reason: &'static str) -> io::Result<()> {
        let result = self.websocket.close(Some(CloseFrame { code, reason: reason.into() }));
        self.note_written(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Twice, because an answer to a ping for which there was no room is put into the buffer only when that has
        // been emptied, and nobody tells that it was not.
        let result = self.websocket.flush().and_then(|()| self.websocket.flush());
        self.note_written(result)
    }

    fn note_written(&mut self, result: Result<(), Error>) -> io::Result<()> {
        self.unsent = false;
        match result {
            Ok(()) => Ok(()),
            Err(Error::WriteBufferFull(_)) => {
                self.unsent = true;
                Ok(())
            }
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                self.unsent = true;
                Ok(())
            }
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => {
                self.stage = Stage::Over;
                Ok(())
            }
            Err(Error::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// The end of the conversation, and the goodbye that belongs to it.
    fn fail(&mut self, error: Error) -> io::Result<()> {
        let (code, reason) = match error {
            Error::Io(error) => return Err(error),
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                self.stage = Stage::Over;
                return Ok(());
            }
            Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                (CloseCode::Size, "the message is larger than the largest packet")
            }
            Error::Utf8(_) => (CloseCode::Unsupported, "MQTT comes in binary messages"),
            error => {
                debug!("no WebSocket: {error}");
                (CloseCode::Protocol, "this breaks the rules of WebSockets")
            }
        };
        self.stage = Stage::Deaf;
        self.close(code, reason)?;
        Ok(())
    }

    /// Throws away what still comes.
    fn skip(&mut self) -> io::Result<Read> {
        let mut unwanted = [0; 1024];
        match self.websocket.get_mut().stream.read(&mut unwanted) {
            Ok(0) => Ok(Read::End),
            Ok(_) => Ok(Read::Nothing),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Read::Nothing),
            Err(error) => Err(error),
        }
    }
}

impl io::Read for Gate {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !std::mem::take(&mut self.is_open) {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.stream.read(buffer)
    }
}

impl io::Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
