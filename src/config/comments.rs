//! Comments and trailing commas: what the configuration file has and JSON has not is replaced by blanks.
//!
//! Every byte keeps its place and every line break stays, so that what is found wrong later is where the file
//! has it.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::domain::Mistake;

/// `text` with blanks for its comments, trailing commas and byte order mark.
pub(super) fn blank(text: &str) -> Result<String, Mistake> {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.char_indices().peekable();
    let mut before = ',';
    let mut trailing_comma = None;
    while let Some((offset, c)) = characters.next() {
        match c {
            '\u{feff}' if offset == 0 => push_blank(&mut out, c),
            ' ' | '\t' | '\r' | '\n' => out.push(c),
            '/' if characters.peek().is_some_and(|(_, next)| *next == '/') => {
                push_blank(&mut out, c);
                while let Some((_, c)) = characters.next_if(|(_, c)| *c != '\n') {
                    push_blank(&mut out, c);
                }
            }
            '/' if characters.peek().is_some_and(|(_, next)| *next == '*') => {
                push_blank(&mut out, c);
                block_comment(offset, &mut characters, &mut out)?;
            }
            _ => {
                // A comma trails when it follows a value and a bracket closes after it.
                match c {
                    '"' => string(offset, &mut characters, &mut out)?,
                    ',' => out.push(c),
                    '}' | ']' => {
                        if let Some(comma) = trailing_comma {
                            out.replace_range(comma..comma + 1, " ");
                        }
                        out.push(c);
                    }
                    _ => out.push(c),
                }
                let follows_value = !matches!(before, '{' | '[' | ',' | ':');
                trailing_comma = (c == ',' && follows_value).then_some(offset);
                before = c;
            }
        }
    }
    Ok(out)
}

/// Blanks a comment whose `/` at `start` has been read.
fn block_comment(
    start: usize,
    characters: &mut Peekable<CharIndices<'_>>,
    out: &mut String,
) -> Result<(), Mistake> {
    // The `*` that opens it cannot close it as well.
    if let Some((_, star)) = characters.next() {
        push_blank(out, star);
    }
    let mut before = ' ';
    for (_, c) in characters.by_ref() {
        push_blank(out, c);
        if before == '*' && c == '/' {
            return Ok(());
        }
        before = c;
    }
    Err(mistake(start, "this comment is not closed: a `*/` is missing"))
}

/// Copies a string whose quote at `start` has been read.
fn string(start: usize, characters: &mut Peekable<CharIndices<'_>>, out: &mut String) -> Result<(), Mistake> {
    out.push('"');
    let mut escaped = false;
    for (_, c) in characters.by_ref() {
        if c == '\n' {
            break;
        }
        out.push(c);
        match c {
            '"' if !escaped => return Ok(()),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Err(mistake(start, "this string is not closed on its line: a `\"` is missing"))
}

/// As many blanks as `c` has bytes; a line break stays.
fn push_blank(out: &mut String, c: char) {
    if matches!(c, '\n' | '\r') {
        out.push(c);
    } else {
        out.extend(std::iter::repeat_n(' ', c.len_utf8()));
    }
}

fn mistake(offset: usize, message: &str) -> Mistake {
    Mistake { offset, path: String::new(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn comments_and_trailing_commas_become_blanks() {
        for (text, expected) in [
            ("{} // ö", "{}      "),
            ("1/*a\r\nb*/2", "1   \r\n   2"),
            ("/**/ /***/ /*/*/", "                "),
            ("[1, 2, ]", "[1, 2  ]"),
            ("{\"a\": 1,/* , */}", "{\"a\": 1        }"),
            ("[[],{},\"\",]", "[[],{},\"\" ]"),
            ("\u{feff}{}", "   {}"),
            ("\"// /* \\\" */,]\" //", "\"// /* \\\" */,]\"   "),
            ("\"\\\\\"//\"", "\"\\\\\"   "),
        ] {
            assert_eq!(blank(text).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_trailing_comma_stays() {
        for text in ["[,]", "{,}", "[1,,2]", ",", "{\"a\":,}", "[1,2],", "/", "/ /", "*/", "{}\u{feff}"] {
            assert_eq!(blank(text).as_deref(), Ok(text));
        }
        assert_eq!(blank("[1,,]").as_deref(), Ok("[1,,]"));
    }

    #[test]
    fn what_is_open_at_the_end_is_named_at_its_beginning() {
        for (text, offset) in [(" /* *", 1), ("{ \"a", 2), ("{\n\"a\n\"", 2), ("\"\\\"", 0), ("/*/", 0)] {
            assert_eq!(blank(text).map_err(|mistake| mistake.offset), Err(offset), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn length_and_line_breaks_stay(text in "([/*\",\\\\\n\r\\]}{ aö\u{feff}]|//|/\\*|\\*/){0,60}") {
            if let Ok(blanked) = blank(&text) {
                prop_assert_eq!(blanked.len(), text.len());
                let breaks = |text: &str| {
                    text.bytes().enumerate().filter(|(_, b)| matches!(b, b'\n' | b'\r')).collect::<Vec<_>>()
                };
                prop_assert_eq!(breaks(&blanked), breaks(&text));
                for (before, after) in text.bytes().zip(blanked.bytes()) {
                    prop_assert!(before == after || after == b' ');
                }
            }
        }
    }
}
