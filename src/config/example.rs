//! The example of a whole configuration, and the demo that runs without hardware.

use std::fmt::Write;

use crate::domain::KindReader;

/// The demo: five devices on simulated hardware.
pub const DEMO: &str = include_str!("demo.jsonc");

/// Every setting with its default, range and meaning, and one device of each kind.
pub fn example<B>(kinds: &[KindReader<B>]) -> String {
    let mut text = SECTIONS.to_owned();
    for kind in kinds {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n    \"{0}\": {{\n      \"{0}\": {{\n", kind.name);
        for line in kind.example.lines() {
            match line.trim_end() {
                "" => text.push('\n'),
                line => _ = writeln!(text, "        {line}"),
            }
        }
        text.push_str("      },\n    },\n");
    }
    text.push_str("  },\n}\n");
    text
}

/// Everything up to the brace behind `devices`.
const SECTIONS: &str = include_str!("sections.jsonc");
