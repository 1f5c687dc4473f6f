//! The terminal as a screen that is drawn anew, and given back as it was.

use std::io::{self, Write as _};

/// The other screen of the terminal, until this is dropped.
pub(super) struct Screen(());

/// Another screen without a cursor, and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// To the upper left corner; the rest of a line, and of the screen, is empty.
const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";
/// Where the terminal does not say how large it is.
const USUAL: (usize, usize) = (80, 24);

impl Screen {
    /// Takes the terminal.
    pub(super) fn enter() -> io::Result<Screen> {
        let mut out = io::stdout().lock();
        out.write_all(ENTER.as_bytes())?;
        out.flush()?;
        Ok(Screen(()))
    }

    /// Columns and rows.
    pub(super) fn size() -> (usize, usize) {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
        let size = size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
        size.filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or(USUAL)
    }

    /// Shows these lines, as far as there is room for them.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let (columns, rows) = Screen::size();
        let text = frame(lines, columns, rows);
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut out = io::stdout().lock();
        // A terminal that is gone needs nothing back.
        let _ = out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush());
    }
}

fn frame(lines: &[String], columns: usize, rows: usize) -> String {
    let mut shown: Vec<String> =
        lines.iter().take(rows).map(|line| line.chars().take(columns).collect()).collect();
    if lines.len() > rows {
        let hidden = lines.len() - rows + 1;
        if let Some(last) = shown.last_mut() {
            *last = format!("... and {hidden} more").chars().take(columns).collect();
        }
    }
    let ends = format!("{CLEAR_LINE}\r\n");
    format!("{HOME}{}{CLEAR_LINE}{CLEAR_BELOW}", shown.join(&ends))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_keeps_to_the_size_of_the_screen() {
        let lines = ["abcdef".to_owned(), "b".to_owned(), "c".to_owned()];
        assert_eq!(frame(&lines[..2], 4, 5), "\x1b[Habcd\x1b[K\r\nb\x1b[K\x1b[J");
        assert_eq!(frame(&lines, 80, 2), "\x1b[Habcdef\x1b[K\r\n... and 2 more\x1b[K\x1b[J");
    }
}
