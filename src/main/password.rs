//! Where a password comes from: a terminal that does not show it, or standard input.

use std::io::{self, BufRead, IsTerminal, Read, Stdin, Write};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// Where a password comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A person types it, twice.
    Terminal,
    /// The first line.
    StandardInput,
    /// There is none.
    None,
}

/// A terminal that shows what is typed again when this is dropped.
struct Unseen {
    stdin: Stdin,
    before: Termios,
}

/// So many bytes of a line are read, which is more than a password may have.
const LONGEST_LINE: u64 = 4096;

/// The password of this user.
pub(crate) fn ask(source: Source, user: &str) -> Result<Option<String>, String> {
    match source {
        Source::None => Ok(None),
        Source::StandardInput => line().map(Some),
        Source::Terminal => {
            if !io::stdin().is_terminal() {
                return Err("there is no terminal to ask for the password; give --password-stdin".to_owned());
            }
            let _unseen = Unseen::begin().map_err(|error| format!("the terminal can't be used: {error}"))?;
            let first = prompted(&format!("Password for {user}: "))?;
            if prompted("Once more: ")? == first {
                Ok(Some(first))
            } else {
                Err("these were two different passwords".to_owned())
            }
        }
    }
}

/// The password of this user, who knows it already.
pub(crate) fn ask_once(user: &str) -> Result<String, String> {
    if !io::stdin().is_terminal() {
        return Err(format!(
            "{user} needs a password, and there is no terminal to ask for it; give --password-stdin"
        ));
    }
    let _unseen = Unseen::begin().map_err(|error| format!("the terminal can't be used: {error}"))?;
    prompted(&format!("Password for {user}: "))
}

fn prompted(prompt: &str) -> Result<String, String> {
    let say = |text: &str| {
        eprint!("{text}");
        // Without a terminal to write on, it is typed without being asked.
        let _ = io::stderr().flush();
    };
    say(prompt);
    let line = line();
    say("\n");
    line
}

/// The first line of standard input.
pub(crate) fn line() -> Result<String, String> {
    let mut line = String::new();
    let read = io::stdin().lock().take(LONGEST_LINE).read_line(&mut line);
    read.map_err(|error| format!("the password can't be read: {error}"))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

impl Unseen {
    fn begin() -> nix::Result<Unseen> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut unseen = before.clone();
        unseen.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &unseen)?;
        Ok(Unseen { stdin, before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.stdin, SetArg::TCSAFLUSH, &self.before);
    }
}
