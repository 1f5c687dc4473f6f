//! Settings: one object of the configuration whose values know where they stand in the file.
//!
//! A kind of device reads its own settings from one (`Settings::read`) and adds what it finds wrong to
//! [`Mistakes`]; the configuration turns their offsets into lines and columns.

use serde::de::DeserializeOwned;

use super::LineAddress;

/// What a configured device says of the lines it will take.
pub trait Wired {
    /// The role of each line (`line`, `forward`, ...) and where it is.
    fn lines(&self) -> Vec<(&'static str, LineAddress)>;
}

/// How the configuration knows a kind of device: by its name, and by what reads its settings.
pub struct KindReader<B> {
    /// The kind's name, such as `led`.
    pub name: &'static str,
    /// Its settings as a commented example.
    pub example: &'static str,
    /// Reads them; without a result there is at least one mistake more than before.
    pub read: fn(&Settings<'_>, &mut Mistakes) -> Option<B>,
}

/// What is wrong with a configuration.
#[derive(Debug, Default)]
pub struct Mistakes {
    /// In the order in which they were found.
    pub found: Vec<Mistake>,
}

/// One mistake in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where, in bytes from the beginning of the file.
    pub offset: usize,
    /// The path to it, such as `devices.lamp.led.line`.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// One object of the configuration.
pub struct Settings<'a> {
    _todo: std::marker::PhantomData<&'a ()>,
}

impl Settings<'_> {
    /// Reads the object into `T`.
    pub fn read<T: DeserializeOwned>(&self, _mistakes: &mut Mistakes) -> Option<T> {
        None
    }

    /// Adds a mistake about the value of `key`, or about the whole object where the key was not given.
    pub fn mistake(&self, _key: &str, _message: impl Into<String>, _mistakes: &mut Mistakes) {}
}
