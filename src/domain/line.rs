//! Lines of a chip as a configuration names them, and the logical value that a line has.

use std::fmt;

use serde::Deserialize;

/// Where a line is: on which chip, and which of its lines.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LineAddress {
    /// The chip by path (`/dev/gpiochip0`), name (`gpiochip0`) or label (`pinctrl-bcm2711`); without one the
    /// line's name is looked for on every chip.
    pub chip: Option<String>,
    /// The line on that chip.
    pub line: LineRef,
}

/// One line of a chip, by its offset or by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged, expecting = "expected a line: an offset such as 17, or a name such as \"GPIO17\"")]
pub enum LineRef {
    /// Counted from 0 on its chip.
    Offset(u32),
    /// As the kernel or the device tree calls it, such as `GPIO17`.
    Name(String),
}

/// The logical value of a line: what it means, after its polarity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// Off, released, false.
    Inactive,
    /// On, pressed, true.
    Active,
}

/// Which physical level is the active one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Polarity {
    /// A high level means active.
    #[default]
    ActiveHigh,
    /// A low level means active.
    ActiveLow,
}

/// What holds an input at a level while nothing drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bias {
    /// As the board or an earlier program left it.
    #[default]
    AsIs,
    /// Nothing.
    Disabled,
    /// A resistor to the supply.
    PullUp,
    /// A resistor to ground.
    PullDown,
}

impl Polarity {
    /// From the `active_low` setting.
    pub fn from_active_low(active_low: bool) -> Polarity {
        if active_low { Polarity::ActiveLow } else { Polarity::ActiveHigh }
    }
}

impl Value {
    /// `Active` for true.
    pub fn from_bool(active: bool) -> Value {
        if active { Value::Active } else { Value::Inactive }
    }

    /// Whether it is `Active`.
    pub fn is_active(self) -> bool {
        self == Value::Active
    }

    /// 1 when active, else 0: the number that states and commands use.
    pub fn number(self) -> f64 {
        if self.is_active() { 1.0 } else { 0.0 }
    }
}

impl std::ops::Not for Value {
    type Output = Value;
    fn not(self) -> Value {
        Value::from_bool(!self.is_active())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_active() { "active" } else { "inactive" })
    }
}

impl fmt::Display for LineRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineRef::Offset(offset) => write!(f, "{offset}"),
            LineRef::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for LineAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.chip {
            Some(chip) => write!(f, "{chip}:{}", self.line),
            None => write!(f, "{}", self.line),
        }
    }
}
