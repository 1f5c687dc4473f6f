//! A process of the test's own: started, listened to, signalled by its id, and never left behind.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::PATIENCE;

/// A process with everything that it started, in a group of its own.
pub struct Process {
    child: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
}

/// How a process ended, and what of its words nobody had taken before.
#[derive(Debug)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

impl Process {
    /// Starts a process that has nothing to read.
    pub fn start(command: &mut Command) -> Process {
        Process::begin(command.stdin(Stdio::null()))
    }

    /// Starts a process whose standard input stays open until [`Process::type_in`] has ended it.
    pub fn start_typing(command: &mut Command) -> Process {
        Process::begin(command.stdin(Stdio::piped()))
    }

    fn begin(command: &mut Command) -> Process {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = lines(child.stdout.take().expect("piped"));
        let errors = lines(child.stderr.take().expect("piped"));
        Process { child, output, errors }
    }

    /// Runs a line of shell.
    pub fn shell(line: &str) -> Process {
        Process::start(Command::new("sh").args(["-c", line]))
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input and closes that.
    pub fn type_in(&mut self, text: &str) {
        let mut input = self.child.stdin.take().expect("it was started for typing");
        input.write_all(text.as_bytes()).expect("it reads");
    }

    /// Writes a line to its standard input, which stays open.
    pub fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("it was started for typing");
        input.write_all(format!("{line}\n").as_bytes()).expect("it reads");
    }

    /// The next line of its output; nothing when that has ended.
    pub fn line(&mut self) -> Option<String> {
        next(&self.output)
    }

    /// The next line of its output that has this in it.
    pub fn line_with(&mut self, wanted: &str) -> String {
        let mut passed = String::new();
        loop {
            match self.line() {
                Some(line) if line.contains(wanted) => return line,
                Some(line) => passed += &(line + "\n"),
                None => panic!(
                    "{wanted} did not come, but\n{passed}{}",
                    rest(&self.errors, Instant::now() + PATIENCE).0
                ),
            }
        }
    }

    /// The next line of its standard error that has this in it.
    pub fn error_with(&mut self, wanted: &str) -> String {
        loop {
            let line = next(&self.errors).unwrap_or_else(|| panic!("{wanted} did not come"));
            if line.contains(wanted) {
                return line;
            }
        }
    }

    /// Sends a signal to it, and to what it started.
    pub fn signal(&self, signal: Signal) {
        killpg(self.group(), signal).expect("it runs");
    }

    /// Waits until it has ended.
    pub fn end(self) -> Ended {
        self.end_within(PATIENCE)
    }

    /// Waits for so long until it has ended; else it is killed.
    pub fn end_within(mut self, patience: Duration) -> Ended {
        let deadline = Instant::now() + patience;
        // Both streams end with the process, which is what there is to wait for.
        let ((output, ended), (errors, silent)) =
            (rest(&self.output, deadline), rest(&self.errors, deadline));
        assert!(ended && silent, "the process does not end; so far it said\n{output}{errors}");
        let status = self.child.wait().expect("our own child");
        Ended { status, output, errors }
    }

    fn group(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("an id"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = killpg(self.group(), Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

impl Ended {
    /// The exit status as a number; nothing after a signal.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned();
            if sender.send(line).is_err() {
                return;
            }
            bytes.clear();
        }
    });
    receiver
}

fn next(lines: &Receiver<String>) -> Option<String> {
    match lines.recv_timeout(PATIENCE) {
        Ok(line) => Some(line),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => panic!("the process says nothing and does not end"),
    }
}

/// What comes until the deadline, and whether that was all.
fn rest(lines: &Receiver<String>, deadline: Instant) -> (String, bool) {
    let mut text = String::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => text += &(line + "\n"),
            Err(end) => return (text, end == RecvTimeoutError::Disconnected),
        }
    }
}
