//! Faults that a simulation makes on purpose, so that what they lead to can be seen before a wire breaks.

use std::fmt;
use std::time::Duration;

use super::{Arguments, Code, Datum, DeviceName, Refusal, Span, Target};

/// What goes wrong with a simulated line, PWM channel or part on a bus until it is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It stays what it is, whatever is written to it or drives it.
    Stuck,
    /// What is written to it fails.
    WriteFails,
    /// What is read from it fails.
    ReadFails,
    /// A part does not acknowledge its address.
    Nak,
    /// Bits of what a part says arrive as others.
    BitErrors,
    /// Every transfer with a part takes so long.
    Slow(Duration),
}

/// What can go wrong with the simulated wires of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A fault of everything that it has.
    Fault(Fault),
    /// The chips of its lines are unplugged.
    Unplugged,
    /// So many edges come on its inputs, as fast as can be.
    Storm(u32),
}

/// What an admin wants done to the simulation.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultOrder {
    /// Something goes wrong with a device, for some time or until it is mended.
    Inject {
        /// With which.
        target: Target,
        /// What.
        trouble: Trouble,
        /// For how long; nothing is until it is mended.
        lasting: Option<Duration>,
    },
    /// All troubles of a device are over, or those of all devices.
    Mend(Option<Target>),
}

impl FaultOrder {
    /// The methods that are such orders, on the device `system`.
    pub const VERBS: [&'static str; 2] = ["inject_fault", "mend_faults"];

    /// The order that a method with these arguments is.
    pub fn parse(verb: &str, arguments: &Arguments) -> Result<FaultOrder, Refusal> {
        let mut argument = arguments.take();
        let device = |given: &Datum| {
            DeviceName::parse(&given.to_string()).map(Target::Device).map_err(|error| {
                Refusal::new(Code::UnknownDevice, format!("no device has such a name: {error}"))
            })
        };
        if verb == "mend_faults" {
            let target = argument.optional("device")?.map(device).transpose()?;
            argument.finish()?;
            return Ok(FaultOrder::Mend(target));
        }
        let target = device(argument.required("device")?)?;
        let name = argument.required("fault")?.to_string();
        let lasting = argument.duration("for", LEAST, Duration::ZERO)?;
        let time = argument.duration("time", Duration::from_millis(1), SLOW)?;
        let count = argument.count("n")?.unwrap_or(STORM);
        argument.finish()?;
        if time > LONGEST_TRANSFER {
            let message = format!("time is at most {}, not {}", Span(LONGEST_TRANSFER), Span(time));
            return Err(Refusal::new(Code::OutOfRange, message));
        }
        if count > LONGEST_STORM {
            return Err(Refusal::new(
                Code::OutOfRange,
                format!("n is from 1 to {LONGEST_STORM}, not {count}"),
            ));
        }
        let trouble = match name.as_str() {
            "stuck" => Trouble::Fault(Fault::Stuck),
            "write-fails" => Trouble::Fault(Fault::WriteFails),
            "read-fails" => Trouble::Fault(Fault::ReadFails),
            "nak" => Trouble::Fault(Fault::Nak),
            "bit-errors" => Trouble::Fault(Fault::BitErrors),
            "slow" => Trouble::Fault(Fault::Slow(time)),
            "unplugged" => Trouble::Unplugged,
            "storm" => Trouble::Storm(count),
            _ => {
                let message = format!("no fault is called {name:.32}; there are {}", FAULTS.join(", "));
                return Err(Refusal::new(Code::BadValue, message));
            }
        };
        Ok(FaultOrder::Inject { target, trouble, lasting: Some(lasting).filter(|time| !time.is_zero()) })
    }

    /// What it is about, for the audit.
    pub fn subject(&self) -> String {
        match self {
            FaultOrder::Inject { target, .. } | FaultOrder::Mend(Some(target)) => target.to_string(),
            FaultOrder::Mend(None) => "system".to_owned(),
        }
    }
}

/// The names of all troubles.
const FAULTS: [&str; 8] =
    ["stuck", "write-fails", "read-fails", "nak", "bit-errors", "slow", "unplugged", "storm"];
/// The shortest time that a trouble lasts.
const LEAST: Duration = Duration::from_millis(10);
/// How long a slow transfer takes where nobody says otherwise, and at most.
const SLOW: Duration = Duration::from_secs(1);
const LONGEST_TRANSFER: Duration = Duration::from_secs(60);
/// How many edges come where nobody says otherwise, and at most.
const STORM: u32 = 10_000;
const LONGEST_STORM: u32 = 1_000_000;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Stuck => f.write_str("stuck"),
            Fault::WriteFails => f.write_str("write-fails"),
            Fault::ReadFails => f.write_str("read-fails"),
            Fault::Nak => f.write_str("nak"),
            Fault::BitErrors => f.write_str("bit-errors"),
            Fault::Slow(time) => write!(f, "slow {}", Span(*time)),
        }
    }
}

impl fmt::Display for FaultOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FaultOrder::Inject { trouble, lasting, .. } = self else { return f.write_str("mend_faults") };
        match trouble {
            Trouble::Fault(fault) => write!(f, "inject_fault({fault}")?,
            Trouble::Unplugged => f.write_str("inject_fault(unplugged")?,
            Trouble::Storm(count) => write!(f, "inject_fault(storm, n={count}")?,
        }
        match lasting {
            Some(time) => write!(f, ", for={})", Span(*time)),
            None => f.write_str(")"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(named: &[(&str, &str)]) -> Result<String, Code> {
        let named = named.iter().map(|(key, value)| ((*key).to_owned(), Datum::from(*value))).collect();
        let arguments = Arguments { positional: Vec::new(), named };
        FaultOrder::parse("inject_fault", &arguments)
            .map(|order| format!("{} {order}", order.subject()))
            .map_err(|refusal| refusal.code)
    }

    #[test]
    fn every_trouble_has_a_name() {
        for name in FAULTS {
            let order = parse(&[("device", "led"), ("fault", name)]).expect("it is one");
            assert!(order.starts_with(&format!("led inject_fault({name}")), "{order}");
        }
        let order = parse(&[("device", "led"), ("fault", "slow"), ("time", "2s"), ("for", "1min")]);
        assert_eq!(order.as_deref(), Ok("led inject_fault(slow 2s, for=1min)"));
    }

    #[test]
    fn what_is_no_trouble_is_refused() {
        for (given, code) in [
            (&[("fault", "stuck")][..], Code::MissingKey),
            (&[("device", "led")], Code::MissingKey),
            (&[("device", "led"), ("fault", "bent")], Code::BadValue),
            (&[("device", "Led!"), ("fault", "stuck")], Code::UnknownDevice),
            (&[("device", "led"), ("fault", "storm"), ("n", "1000001")], Code::OutOfRange),
            (&[("device", "led"), ("fault", "slow"), ("time", "2min")], Code::OutOfRange),
            (&[("device", "led"), ("fault", "stuck"), ("for", "1ms")], Code::OutOfRange),
            (&[("device", "led"), ("fault", "stuck"), ("fro", "1s")], Code::BadValue),
        ] {
            assert_eq!(parse(given), Err(code), "{given:?}");
        }
    }
}
