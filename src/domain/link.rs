//! A link: an output takes the value of another device, whenever that changes.

use super::{DeviceName, State};

/// Which output follows which device, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Who follows.
    pub output: DeviceName,
    /// Whom.
    pub input: DeviceName,
    /// What it makes of the value.
    pub sense: Sense,
    /// The states of the followed device at which the output is 1, else it is 0; without them its value counts.
    pub during: Option<Vec<String>>,
}

/// What a link makes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// It stays what it is.
    Same,
    /// It becomes what is missing to 1.
    Inverted,
}

/// What is all of it, for each of two devices: 100 for one in percent, 1 for others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// For the one that is followed.
    pub input: f64,
    /// For the output.
    pub output: f64,
}

impl Scale {
    /// Between values of these units.
    pub fn between(input: Option<&str>, output: Option<&str>) -> Scale {
        let all = |unit| if unit == Some("%") { 100.0 } else { 1.0 };
        Scale { input: all(input), output: all(output) }
    }
}

impl Link {
    /// The value that the output takes in this state of the followed device; nothing where that is not known.
    pub fn value(&self, followed: &State, scale: Scale) -> Option<f64> {
        let value = match &self.during {
            None => followed.value.as_ref().ok().copied()? / scale.input,
            Some(_) if followed.event == "fault" => return None,
            Some(words) if words.iter().any(|word| word == followed.event) => 1.0,
            Some(_) => 0.0,
        };
        let value = match self.sense {
            Sense::Same => value,
            Sense::Inverted => 1.0 - value,
        };
        Some(value * scale.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_becomes_a_value() {
        let state = |event, value| State {
            device: DeviceName::parse("a").expect("valid"),
            kind: "button",
            event,
            value,
            seq: 1,
            timestamp: 0.0,
            edge: None,
            fields: Vec::new(),
        };
        let name = |text| DeviceName::parse(text).expect("valid");
        let plain = Link { output: name("b"), input: name("a"), sense: Sense::Same, during: None };
        let inverted = Link { sense: Sense::Inverted, ..plain.clone() };
        let held = Link { during: Some(vec!["held".to_owned()]), ..plain.clone() };
        let (pressed, fault) = (state("pressed", Ok(1.0)), state("fault", Err("gone".into())));
        let values = |state: &State| {
            [&plain, &inverted, &held].map(|link| link.value(state, Scale::between(None, None)))
        };
        assert_eq!(values(&pressed), [Some(1.0), Some(0.0), Some(0.0)]);
        assert_eq!(values(&state("held", Ok(1.0))), [Some(1.0), Some(0.0), Some(1.0)]);
        assert_eq!(values(&state("clockwise", Ok(0.25))), [Some(0.25), Some(0.75), Some(0.0)]);
        assert_eq!(values(&fault), [None; 3]);
        let shutter = |state| inverted.value(state, Scale::between(None, Some("%")));
        assert_eq!(shutter(&state("released", Ok(0.0))), Some(100.0));
        let lamp = |state| inverted.value(state, Scale::between(Some("%"), None));
        assert_eq!(lamp(&state("stopped", Ok(25.0))), Some(0.75));
    }
}
