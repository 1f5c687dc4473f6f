//! The program on a terminal of the test's own.

use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::PATIENCE;

/// A running program, and what it draws.
pub struct Terminal {
    child: Child,
    drawn: Receiver<String>,
    text: String,
}

impl Terminal {
    /// Starts it on a terminal of 100 columns and 20 rows.
    pub fn start(mut command: Command) -> Terminal {
        let size = Winsize { ws_row: 20, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(&size, None).expect("a terminal");
        let child = command.stdin(Stdio::null()).stdout(pair.slave).spawn().expect("it starts");
        // What the command still holds of the terminal would keep it open.
        drop(command);
        let (sender, drawn) = channel();
        let mut master = File::from(pair.master);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose last user has gone fails to be read.
            while let Ok(read @ 1..) = master.read(&mut bytes) {
                if sender.send(String::from_utf8_lossy(&bytes[..read]).into_owned()).is_err() {
                    return;
                }
            }
        });
        Terminal { child, drawn, text: String::new() }
    }

    /// The next whole picture with all of these words, without what moves the cursor.
    pub fn frame_with(&mut self, words: &[&str]) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            while let Some((frame, rest)) = self.text.split_once("\x1b[J") {
                let frame =
                    frame.rsplit("\x1b[H").next().unwrap_or(frame).replace("\x1b[K", "").replace('\r', "");
                self.text = rest.to_owned();
                if words.iter().all(|word| frame.contains(word)) {
                    return frame;
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.drawn.recv_timeout(left) {
                Ok(text) => self.text += &text,
                Err(_) => panic!("{words:?} did not come; at last {:?}", self.text),
            }
        }
    }

    /// Ends it, and gives its status and what came at last.
    pub fn end(mut self, signal: Signal) -> (Option<i32>, String) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("an id")), signal).expect("it runs");
        let until = Instant::now() + PATIENCE;
        while let Ok(text) = self.drawn.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.text += &text;
        }
        (self.child.wait().expect("our own").code(), std::mem::take(&mut self.text))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
