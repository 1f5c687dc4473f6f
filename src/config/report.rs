//! The report: every mistake of a configuration with its line and column, in the order of the file.

use std::fmt;

use crate::domain::Mistakes;

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The name of the file, as it was given.
    pub file: String,
    /// In the order of the file; at least one.
    pub mistakes: Vec<Located>,
}

/// One mistake and its place; lines and columns are counted from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Located {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// The path of the setting, such as `devices.lamp.led.line`; empty for the file itself.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// Where the lines of a text begin.
pub(super) struct Places<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl Report {
    pub(super) fn of(file: &str, places: &Places<'_>, mistakes: Mistakes) -> Report {
        let mut located: Vec<Located> = mistakes
            .found
            .into_iter()
            .map(|mistake| {
                let (line, column) = places.of(mistake.offset);
                Located { line, column, path: mistake.path, message: mistake.message }
            })
            .collect();
        located.sort();
        located.dedup();
        Report { file: file.to_owned(), mistakes: located }
    }
}

/// One mistake on a line, as compilers print them: `FILE:LINE:COLUMN: PATH: message`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{mistake}", self.file)?;
        }
        Ok(())
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Located { line, column, path, message } = self;
        match path.as_str() {
            "" => write!(f, "{line}:{column}: {message}"),
            path => write!(f, "{line}:{column}: {path}: {message}"),
        }
    }
}

impl std::error::Error for Report {}

impl<'a> Places<'a> {
    pub(super) fn new(text: &'a str) -> Places<'a> {
        let after_breaks = text.match_indices('\n').map(|(offset, _)| offset + 1);
        Places { text, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// The line and the column of a byte; one inside of a character is that character.
    pub(super) fn of(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts[line - 1];
        let before =
            self.text[start..].char_indices().take_while(|(at, c)| start + at + c.len_utf8() <= offset);
        // Editors do not show a byte order mark, so it is no column.
        (line, before.filter(|(at, c)| *c != '\u{feff}' || start + at > 0).count() + 1)
    }

    /// Where a line that is counted from 1 begins.
    pub(super) fn start_of(&self, line: usize) -> usize {
        let index = line.saturating_sub(1);
        self.starts.get(index).copied().unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let places = Places::new("\u{feff}ab\r\nö{\n");
        assert_eq!(places.of(0), (1, 1));
        assert_eq!(places.of(3), (1, 1));
        assert_eq!(places.of(4), (1, 2));
        assert_eq!(places.of(7), (2, 1));
        assert_eq!(places.of(8), (2, 1), "inside of the second line's first character");
        assert_eq!(places.of(9), (2, 2));
        assert_eq!(places.of(11), (3, 1));
        assert_eq!(places.of(1000), (3, 1));
        assert_eq!(Places::new("").of(0), (1, 1));
    }
}
