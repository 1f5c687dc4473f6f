//! One command, as a frame says it.

use crate::wire::line::FrameWriter;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    command: String,
    fields: Vec<(String, String)>,
}

impl Request {
    /// A command without anything else.
    pub fn new(command: impl Into<String>) -> Request {
        Request { command: command.into(), fields: Vec::new() }
    }

    /// The same with a field more.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Request {
        self.fields.push((key.into(), value.into()));
        self
    }

    /// The same with a field more, where there is a value for it.
    #[must_use]
    pub fn optional(self, key: &'static str, value: Option<impl Into<String>>) -> Request {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// As a frame with this `ID`, or which of its keys is none.
    pub(super) fn frame(&self, id: &str) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let mut frame = FrameWriter::begin(&mut out).field("COMMAND", &self.command).field("ID", id);
        for (key, value) in &self.fields {
            frame =
                frame.chosen_field(key, value).ok_or_else(|| format!("{key:?} is no name of a parameter"))?;
        }
        frame.end();
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_frame_whatever_stands_in_it() {
        let request = Request::new("DO").with("ON_TIME", "a|b\n").optional("TTL", None::<&str>);
        assert_eq!(request.frame("7").expect("good"), b"|START|COMMAND=DO|ID=7|ON_TIME=a%7Cb%0A|END|\n");
        for bad in ["", "a", "A B", "A|B", "1A"] {
            assert!(Request::new("DO").with(bad, "1").frame("7").is_err(), "{bad}");
        }
    }
}
