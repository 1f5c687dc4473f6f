//! Kinds of devices as the controller has them, with settings of every shape.

use gpio_gatekeeper::domain::{Bias, KindReader, LineAddress, LineRef, Mistakes, Settings, Span, Wired};
use serde::Deserialize;

/// What the kinds of this test read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Blueprint {
    Output(Output),
    Dimmer(Dimmer),
    Button(Button),
    Motor(Motor),
    Strip(Strip),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Output {
    pub(crate) line: LineRef,
    #[serde(default)]
    pub(crate) chip: Option<String>,
    #[serde(default)]
    pub(crate) active_low: bool,
    #[serde(default)]
    pub(crate) initial: Initial,
    #[serde(default)]
    pub(crate) on_stop: OnStop,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Initial {
    #[default]
    Off,
    On,
    Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnStop {
    #[default]
    Hold,
    Off,
    On,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Dimmer {
    pub(crate) line: LineRef,
    #[serde(default)]
    pub(crate) chip: Option<String>,
    #[serde(default = "hundred")]
    pub(crate) frequency: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Button {
    pub(crate) line: LineRef,
    #[serde(default)]
    pub(crate) chip: Option<String>,
    #[serde(default)]
    pub(crate) active_low: bool,
    #[serde(default)]
    pub(crate) bias: Bias,
    #[serde(default)]
    pub(crate) debounce: Option<Span>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Motor {
    pub(crate) forward: LineRef,
    pub(crate) backward: LineRef,
    #[serde(default)]
    pub(crate) chip: Option<String>,
    pub(crate) dead_time: Span,
}

/// A kind with structure inside of its values.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct Strip {
    pub(crate) steps: Vec<Step>,
    pub(crate) mode: Mode,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) level: f64,
    pub(crate) hold: Span,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    #[default]
    Once,
    Repeat {
        times: u32,
    },
}

fn hundred() -> f64 {
    100.0
}

impl Wired for Blueprint {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        let at =
            |line: &LineRef, chip: &Option<String>| LineAddress { chip: chip.clone(), line: line.clone() };
        match self {
            Blueprint::Output(it) => vec![("line", at(&it.line, &it.chip))],
            Blueprint::Dimmer(it) => vec![("line", at(&it.line, &it.chip))],
            Blueprint::Button(it) => vec![("line", at(&it.line, &it.chip))],
            Blueprint::Motor(it) => {
                vec![("forward", at(&it.forward, &it.chip)), ("backward", at(&it.backward, &it.chip))]
            }
            Blueprint::Strip(_) => Vec::new(),
        }
    }

    fn is_output(&self) -> bool {
        !matches!(self, Blueprint::Button(_))
    }

    fn numbers(&self) -> Option<&'static [&'static str]> {
        matches!(self, Blueprint::Dimmer(_)).then_some(&["current"])
    }
}

pub(crate) const KINDS: &[KindReader<Blueprint>] = &[
    KindReader {
        name: "led",
        settable: Some((0.0, 1.0)),
        example: "\"line\": \"GPIO17\",      // by name, or by offset: 17\n\"active_low\": false,   // true: a low \
                  level means on\n\n\"initial\": \"off\",      // \"off\", \"on\" or \"keep\"",
        read: |settings, mistakes| settings.read(mistakes).map(Blueprint::Output),
    },
    KindReader {
        name: "relay",
        settable: Some((0.0, 1.0)),
        example: "\"line\": \"GPIO27\",",
        read: |settings, mistakes| settings.read(mistakes).map(Blueprint::Output),
    },
    KindReader {
        name: "pwm_led",
        settable: Some((0.0, 1.0)),
        example: "\"line\": \"GPIO18\", // a line\n\"frequency\": 100 // hertz",
        read: |settings: &Settings<'_>, mistakes: &mut Mistakes| {
            let dimmer: Dimmer = settings.read(mistakes)?;
            if !(1.0..=1000.0).contains(&dimmer.frequency) {
                settings.mistake("frequency", "expected 1 to 1000 hertz", mistakes);
            }
            Some(Blueprint::Dimmer(dimmer))
        },
    },
    KindReader {
        name: "button",
        settable: None,
        example: "\"line\": \"GPIO22\",\n\"bias\": \"pull-up\",\n",
        read: |settings, mistakes| settings.read(mistakes).map(Blueprint::Button),
    },
    KindReader {
        name: "motor",
        settable: Some((0.0, 1.0)),
        example: "\"forward\": \"GPIO5\",\n\"backward\": \"GPIO6\",\n\"dead_time\": \"100ms\",",
        read: |settings, mistakes| settings.read(mistakes).map(Blueprint::Motor),
    },
    KindReader {
        name: "strip",
        settable: None,
        example: "",
        read: |settings, mistakes| settings.read(mistakes).map(Blueprint::Strip),
    },
];
