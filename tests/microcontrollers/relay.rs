//! Somebody between a board and the daemon, who passes everything on and tells what was said.

use std::fmt::{self, Display, Formatter};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use crate::support::PATIENCE;

const END: &[u8] = b"|END|";

/// A listener that is connected through to the daemon.
pub(crate) struct Relay {
    /// Where boards connect.
    pub(crate) address: SocketAddr,
    heard: Receiver<Heard>,
}

/// One frame, with who sent it.
struct Heard {
    from: Side,
    frame: String,
}

/// An end of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// What runs the sketch.
    Board,
    /// The gatekeeper.
    Daemon,
}

impl Relay {
    /// Waits for boards.
    pub(crate) fn to(daemon: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let (sender, heard) = channel();
        // It ends with the test program.
        thread::spawn(move || {
            for board in listener.incoming() {
                let (Ok(board), Ok(daemon)) = (board, TcpStream::connect(daemon)) else { return };
                pass_on(&board, &daemon, Side::Board, sender.clone());
                pass_on(&daemon, &board, Side::Daemon, sender.clone());
            }
        });
        Relay { address, heard }
    }

    /// The next frame of this side that has these words, passing over everything else.
    pub(crate) fn expect(&self, from: Side, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let heard = self.heard.recv_timeout(left);
            let heard = heard.unwrap_or_else(|_| panic!("{words} was not said by the {from:?}"));
            println!("{heard}");
            if heard.from == from && heard.frame.contains(words) {
                return heard.frame;
            }
        }
    }
}

impl Drop for Relay {
    /// Tells what else was said, where that may explain why a test has failed.
    fn drop(&mut self) {
        if thread::panicking() {
            self.heard.try_iter().for_each(|heard| println!("{heard}"));
        }
    }
}

impl Display for Heard {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.from, self.frame)
    }
}

fn pass_on(from: &TcpStream, to: &TcpStream, side: Side, heard: Sender<Heard>) {
    let (mut from, mut to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
    let _ = to.set_nodelay(true);
    thread::spawn(move || {
        let (mut bytes, mut said) = ([0; 4096], Vec::new());
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            said.extend_from_slice(&bytes[..count]);
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
            while let Some(end) = said.windows(END.len()).position(|window| window == END) {
                let frame: Vec<u8> = said.drain(..end + END.len()).collect();
                let frame = String::from_utf8_lossy(&frame).trim().to_owned();
                // Nobody may listen any more.
                let _ = heard.send(Heard { from: side, frame });
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
