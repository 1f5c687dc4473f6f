//! `buzzer`: one that makes its own tone on a line, or one that makes the tone of a PWM channel.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::actions::{self, BLINK, OFF, OFF_TIME, ON, ON_TIME, READ, TIMES, TOGGLE};
use super::blink::Blink;
use super::output_line::{Initial, OutputLine};
use super::pwm_output::Channel;
use super::pwm_source::Source;
use super::safety::{Policies, RestPolicy, Safeguards, SafetySettings};
use super::tone;
use crate::control::{Activity, Bench, Blueprint, Device, Guards, Kind, Observation, Occasion, Ticked};
use crate::domain::{
    ActionSpec, Arguments, Code, Datum, LineAddress, LineRef, Mistakes, ParameterSpec, Polarity, PwmAddress,
    Refusal, Settings, Value, Wired,
};
use crate::hardware::{HardwareError, Signal};

pub(super) static KIND: Kind = Kind {
    name: "buzzer",
    summary: "a buzzer that sounds or beeps, and with a PWM channel plays tones",
    example: r#""line": "GPIO20",        // a name, or an offset on the chip: for a buzzer that makes its own tone
"chip": null,            // its chip by path, name or label; null for hardware.chip, or to find the line by its name
"pwm": null,             // in place of line: a PWM channel of the kernel, {"chip": "fe20c000.pwm", "channel": 0}
"active_low": false,     // true when a low level makes it sound
"frequency": null,       // 20 to 20000 Hz, with pwm only: its tone unless one is played; null means 2000
"require_lease": false,  // true: nobody writes it without a lease on it
"max_on": null,          // "10ms" to "24h": it goes off when it was on for so long, whoever forgot it; null: never
"on_stop": "off",        // off or hold: what it does when the daemon ends
"on_lease_lost": "off",  // off or hold: what it does when a lease on it is lost
"on_link_lost": "off",   // off or hold: what it does when the connection that wrote it last has ended"#,
    actions: ACTIONS,
    simulated_actions: &[],
    unit: None,
    range: (0.0, 1.0),
    read,
};

const ACTIONS: &[ActionSpec] = &[
    ON,
    OFF,
    TOGGLE,
    ActionSpec {
        name: "set",
        summary: "makes it sound with 1 and quiet with 0",
        parameters: &[ParameterSpec { name: "value", summary: "0 or 1; ON and OFF are understood as well" }],
    },
    ActionSpec {
        name: "beep",
        summary: "sounds again and again, and leaves it quiet",
        parameters: &[ON_TIME, OFF_TIME, TIMES],
    },
    BLINK,
    ActionSpec {
        name: "play",
        summary: "plays a tone, which needs a PWM channel",
        parameters: &[
            ParameterSpec { name: "tone", summary: "20 to 20000 Hz, or a note such as A4 or C#5" },
            ParameterSpec {
                name: "duration",
                summary: "how long: seconds or a duration, at least 10ms; without it until the next action",
            },
        ],
    },
    READ,
];

const FREQUENCY: f64 = 2000.0;
const SHORTEST: Duration = Duration::from_millis(10);
/// Longer than any duration that can be given.
const FOREVER: Duration = Duration::MAX;

#[derive(Deserialize)]
struct BuzzerSettings {
    line: Option<LineRef>,
    chip: Option<String>,
    pwm: Option<PwmAddress>,
    #[serde(default)]
    active_low: bool,
    frequency: Option<f64>,
}

struct Plan {
    source: Source,
    polarity: Polarity,
    frequency: f64,
    safeguards: Safeguards<RestPolicy>,
}

/// What makes the sound.
enum Voice {
    /// The buzzer itself.
    Line(OutputLine),
    /// A channel, with this frequency in Hz unless a tone is played.
    Channel(Channel, f64),
}

struct Buzzer {
    voice: Voice,
    policies: Policies<RestPolicy>,
    blink: Option<Blink>,
    /// The frequency of the tone that sounds, in Hz, where it has one.
    tone: Option<f64>,
    /// When the tone ends.
    until: Option<Instant>,
    fault: Option<Arc<str>>,
}

fn read(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Blueprint>> {
    let (given, safety) = settings.read_both::<BuzzerSettings, SafetySettings<RestPolicy>>(mistakes)?;
    let source = Source::read(given.line, given.chip, given.pwm, settings, mistakes)?;
    let message = match (&source, given.frequency) {
        (Source::Line(_), Some(_)) => Some("only the tone of a PWM channel (pwm) has a frequency"),
        (_, Some(frequency)) if !tone::RANGE.contains(&frequency) => {
            Some("frequency is from 20 to 20000 (Hz)")
        }
        _ => None,
    };
    if let Some(message) = message {
        settings.mistake("frequency", message, mistakes);
        return None;
    }
    Some(Box::new(Plan {
        source,
        polarity: Polarity::from_active_low(given.active_low),
        frequency: given.frequency.unwrap_or(FREQUENCY),
        safeguards: safety.checked(settings, mistakes)?,
    }))
}

impl Wired for Plan {
    fn lines(&self) -> Vec<(&'static str, LineAddress)> {
        self.source.line("line").into_iter().collect()
    }

    fn channels(&self) -> Vec<(&'static str, PwmAddress)> {
        self.source.channel("pwm").into_iter().collect()
    }
}

impl Blueprint for Plan {
    fn guards(&self) -> Guards {
        self.safeguards.told()
    }

    fn values(&self) -> Vec<(&'static str, &'static str)> {
        let tone = matches!(self.source, Source::Channel(_)).then_some(("tone", "Hz"));
        tone.into_iter().collect()
    }

    fn build(&self, bench: &mut Bench<'_>) -> Result<Box<dyn Device>, HardwareError> {
        let voice = match &self.source {
            Source::Line(address) => {
                Voice::Line(OutputLine::open(bench, "line", address, self.polarity, Initial::Off)?)
            }
            Source::Channel(address) => {
                let start = signal(self.frequency, Value::Inactive);
                Voice::Channel(Channel::new(bench.pwm(address, self.polarity, start)?)?, self.frequency)
            }
        };
        let policies = self.safeguards.policies;
        Ok(Box::new(Buzzer { voice, policies, blink: None, tone: None, until: None, fault: None }))
    }
}

/// A square wave is the loudest of a frequency.
fn signal(frequency: f64, value: Value) -> Signal {
    Signal::new(Duration::from_secs_f64(1.0 / frequency), value.number() / 2.0)
}

impl Voice {
    fn set(&mut self, value: Value, tone: Option<f64>) -> Result<(), HardwareError> {
        match self {
            Voice::Line(line) => line.set(value),
            Voice::Channel(channel, frequency) => channel.write(signal(tone.unwrap_or(*frequency), value)),
        }
    }

    fn read(&mut self) -> Result<(), HardwareError> {
        match self {
            Voice::Line(line) => line.read().map(drop),
            Voice::Channel(channel, _) => channel.read(),
        }
    }

    fn is_on(&self) -> bool {
        match self {
            Voice::Line(line) => line.value() == Ok(Value::Active),
            Voice::Channel(channel, _) => channel.duty() > 0.0,
        }
    }
}

impl Buzzer {
    /// Ends whatever was going on, and sounds or is quiet.
    fn sound(&mut self, value: Value) -> Result<(), HardwareError> {
        (self.blink, self.tone, self.until) = (None, None, None);
        self.set(value)
    }

    fn set(&mut self, value: Value) -> Result<(), HardwareError> {
        let result = self.voice.set(value, self.tone);
        self.note(result)
    }

    fn note(&mut self, result: Result<(), HardwareError>) -> Result<(), HardwareError> {
        self.fault = result.as_ref().err().map(|error| error.to_string().into());
        if result.is_err() {
            (self.blink, self.until) = (None, None);
        }
        result
    }

    fn play(&mut self, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let mut argument = arguments.take();
        let frequency = tone::frequency(argument.required("tone")?)?;
        let duration = argument.duration("duration", SHORTEST, FOREVER)?;
        argument.finish()?;
        if let Voice::Line(_) = self.voice {
            let message = "this buzzer has a tone of its own: to play others it needs a PWM channel (pwm)";
            return Err(Refusal::new(Code::NotSupported, message));
        }
        (self.blink, self.until) = (None, None);
        self.tone = Some(frequency);
        self.set(Value::Active)?;
        self.until = (duration != FOREVER).then(|| now + duration);
        Ok(())
    }
}

impl Device for Buzzer {
    fn act(&mut self, verb: &str, arguments: &Arguments, now: Instant) -> Result<(), Refusal> {
        let value = match verb {
            "on" => arguments.none().map(|()| Value::Active)?,
            "off" => arguments.none().map(|()| Value::Inactive)?,
            "toggle" => arguments.none().map(|()| Value::from_bool(!self.voice.is_on()))?,
            "set" => Value::from_bool(actions::switch_value(arguments)?),
            "beep" | "blink" => {
                let blink = Blink::begin(arguments, now)?;
                self.sound(blink.value())?;
                self.blink = Some(blink);
                return Ok(());
            }
            "play" => return self.play(arguments, now),
            "read" => {
                arguments.none()?;
                let read = self.voice.read();
                return Ok(self.note(read)?);
            }
            _ => return Err(actions::unknown(verb, KIND.name, KIND.actions)),
        };
        Ok(self.sound(value)?)
    }

    fn check_set(&self, arguments: &Arguments, _range: (f64, f64)) -> Result<(), Refusal> {
        actions::switch_value(arguments).map(drop)
    }

    fn deadline(&self) -> Option<Instant> {
        [self.until, self.blink.as_ref().map(Blink::due)].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Instant) -> Ticked {
        // An error is the state of the buzzer.
        if let Some(blink) = self.blink.take_if(|blink| blink.due() <= now) {
            self.blink = blink.next(now);
            let _ = self.set(self.blink.as_ref().map_or(Value::Inactive, Blink::value));
        }
        if self.until.is_some_and(|until| until <= now) {
            let _ = self.sound(Value::Inactive);
        }
        Ticked::Changed
    }

    fn activity(&self) -> Activity {
        let is_quiet = self.fault.is_none() && self.blink.is_none() && !self.voice.is_on();
        if is_quiet { Activity::Idle } else { Activity::Active }
    }

    fn observe(&self) -> Observation {
        let value = match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(Value::from_bool(self.voice.is_on()).number()),
        };
        let event = match &value {
            Err(_) => "fault",
            Ok(0.0) => "off",
            Ok(_) => "on",
        };
        let mut fields = Vec::new();
        if self.blink.is_some() {
            fields.push(("blinking", Datum::Bool(true)));
        }
        if let (Some(tone), true) = (self.tone, self.voice.is_on()) {
            fields.push(("tone", Datum::from(tone)));
        }
        Observation { event, value, edge: None, fields }
    }

    fn secure(&mut self, occasion: Occasion, _now: Instant) -> Result<(), HardwareError> {
        match self.policies.on(occasion) {
            // Nobody ends a beep or a tone when the daemon has ended.
            RestPolicy::Hold
                if occasion == Occasion::Stop && (self.blink.is_some() || self.until.is_some()) =>
            {
                self.sound(Value::Inactive)
            }
            RestPolicy::Hold => Ok(()),
            RestPolicy::Off => self.sound(Value::Inactive),
        }
    }
}
