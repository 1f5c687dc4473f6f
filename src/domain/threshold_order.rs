//! What clients want done with thresholds and alerts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{
    AlertId, Argument, Arguments, Bounds, Code, Datum, DeviceName, Reaction, Refusal, Severity, Threshold,
    ThresholdName,
};

/// What a client wants done with thresholds and alerts, and what it may.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdOrder {
    /// What it wants.
    pub wish: ThresholdWish,
    /// Which devices it may see and drive; none unless somebody has decided otherwise.
    pub reach: Reach,
}

/// What a client wants done with thresholds and alerts.
#[derive(Debug, Clone, PartialEq)]
pub enum ThresholdWish {
    /// This threshold is in force, in the place of one of the same name.
    Set(Arc<Threshold>),
    /// No threshold of this name is in force any more.
    Delete(ThresholdName),
    /// To know of this threshold.
    Tell(ThresholdName),
    /// To know which thresholds there are.
    List(Selection<ThresholdName>),
    /// To know of this alert, if it is open.
    TellAlert(AlertId),
    /// To know which alerts are open.
    Alerts(Selection<AlertId>),
}

/// Which of many somebody wants to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<Key> {
    /// Those of this device alone.
    pub device: Option<DeviceName>,
    /// Those that come after this one.
    pub after: Option<Key>,
    /// So many at most.
    pub most: usize,
}

/// Some of many.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<Item> {
    /// How many there are.
    pub count: usize,
    /// Those that were asked for.
    pub items: Vec<Item>,
    /// How many come after them.
    pub left: usize,
}

/// The devices that somebody may see and drive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// Those that it may see.
    pub sees: Vec<DeviceName>,
    /// Those that it may drive.
    pub drives: Vec<DeviceName>,
}

impl ThresholdOrder {
    /// The verbs of thresholds and alerts.
    pub const VERBS: [&str; 4] = ["set_threshold", "delete_threshold", "list_thresholds", "list_alerts"];

    /// The order that one of the verbs and its arguments make.
    pub fn parse(verb: &str, arguments: &Arguments) -> Result<ThresholdOrder, Refusal> {
        let mut argument = arguments.take();
        let wish = match verb {
            "set_threshold" => ThresholdWish::Set(Arc::new(threshold(&mut argument)?)),
            "delete_threshold" => ThresholdWish::Delete(name(argument.required("name")?)?),
            "list_thresholds" => ThresholdWish::List(Selection::of(device(argument.optional("device")?)?)),
            "list_alerts" => ThresholdWish::Alerts(Selection::of(device(argument.optional("device")?)?)),
            _ => {
                let message = format!("nothing is done with thresholds by \"{verb:.32}\"");
                return Err(Refusal::new(Code::UnknownAction, message));
            }
        };
        argument.finish()?;
        Ok(ThresholdOrder::of(wish))
    }

    /// Of somebody who may nothing yet.
    pub fn of(wish: ThresholdWish) -> ThresholdOrder {
        ThresholdOrder { wish, reach: Reach::default() }
    }

    /// What it is about, as a client would write it.
    pub fn subject(&self) -> String {
        let device = match &self.wish {
            ThresholdWish::Set(threshold) => Some(&threshold.device),
            ThresholdWish::List(Selection { device, .. }) => device.as_ref(),
            ThresholdWish::Alerts(Selection { device, .. }) => device.as_ref(),
            ThresholdWish::Delete(_) | ThresholdWish::Tell(_) | ThresholdWish::TellAlert(_) => None,
        };
        device.map_or_else(|| "system".to_owned(), DeviceName::to_string)
    }

    /// Whether it changes nothing.
    pub fn is_reading(&self) -> bool {
        !matches!(self.wish, ThresholdWish::Set(_) | ThresholdWish::Delete(_))
    }
}

impl ThresholdName {
    /// A name as an argument.
    pub fn read(text: &str) -> Result<ThresholdName, Refusal> {
        ThresholdName::parse(text).map_err(|error| Refusal::new(Code::BadValue, error.to_string()))
    }
}

impl<Key> Selection<Key> {
    /// All of them, or all of one device.
    pub fn of(device: Option<DeviceName>) -> Selection<Key> {
        Selection { device, after: None, most: usize::MAX }
    }
}

impl<Item> Page<Item> {
    /// What a selection takes of all those that there are, in order.
    pub fn of<Key>(
        all: Vec<Item>,
        selection: &Selection<Key>,
        is_after: impl Fn(&Item, &Key) -> bool,
    ) -> Page<Item> {
        let count = all.len();
        let wanted = |item: &Item| selection.after.as_ref().is_none_or(|after| is_after(item, after));
        let mut items: Vec<Item> = all.into_iter().filter(wanted).collect();
        let left = items.len().saturating_sub(selection.most);
        items.truncate(selection.most);
        Page { count, items, left }
    }
}

fn threshold(argument: &mut Argument<'_>) -> Result<Threshold, Refusal> {
    let name = name(argument.required("name")?)?;
    let device = device(Some(argument.required("device")?))?.ok_or_else(|| bad("device is a name"))?;
    let field = argument.optional("field")?.map_or_else(|| "value".to_owned(), Datum::to_string);
    let bounds = Bounds {
        minimum: argument.number("min", f64::MIN, f64::MAX)?,
        maximum: argument.number("max", f64::MIN, f64::MAX)?,
        hysteresis: argument.number("hysteresis", f64::MIN, f64::MAX)?.unwrap_or_default(),
    };
    let duration = argument.duration("duration", Duration::ZERO, Duration::ZERO)?;
    let severity = match argument.optional("severity")? {
        None => Severity::default(),
        Some(word) => Severity::ALL
            .into_iter()
            .find(|severity| matches!(word, Datum::Text(word) if word == severity.as_str()))
            .ok_or_else(|| bad("severity is warning or critical"))?,
    };
    let action = reaction(argument.optional("action")?)?;
    let resolved_action = reaction(argument.optional("resolved_action")?)?;
    let field = Arc::from(field);
    let threshold = Threshold { name, device, field, bounds, duration, severity, action, resolved_action };
    match threshold.mistake() {
        None => Ok(threshold),
        Some(("field", message)) => Err(Refusal::new(Code::BadValue, message)),
        Some((_, message)) => Err(Refusal::new(Code::OutOfRange, message)),
    }
}

fn name(datum: &Datum) -> Result<ThresholdName, Refusal> {
    ThresholdName::read(&datum.to_string())
}

fn device(datum: Option<&Datum>) -> Result<Option<DeviceName>, Refusal> {
    let Some(datum) = datum else { return Ok(None) };
    let parsed = DeviceName::parse(&datum.to_string());
    let no_such = |why| Refusal::new(Code::UnknownDevice, format!("no device has such a name: {why}"));
    parsed.map(Some).map_err(no_such)
}

fn reaction(datum: Option<&Datum>) -> Result<Option<Reaction>, Refusal> {
    let Some(datum) = datum else { return Ok(None) };
    datum.to_string().parse().map(Some).map_err(bad)
}

fn bad(message: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(Code::BadValue, message)
}

/// As a person would write it: `set_threshold(too-hot)`.
impl fmt::Display for ThresholdOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wish {
            ThresholdWish::Set(threshold) => write!(f, "set_threshold({})", threshold.name),
            ThresholdWish::Delete(name) => write!(f, "delete_threshold({name})"),
            ThresholdWish::Tell(name) => write!(f, "list_thresholds({name})"),
            ThresholdWish::List(_) => f.write_str("list_thresholds"),
            ThresholdWish::TellAlert(id) => write!(f, "list_alerts({id})"),
            ThresholdWish::Alerts(_) => f.write_str("list_alerts"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(named: &[(&str, Datum)]) -> Result<Arc<Threshold>, Code> {
        let named = named.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        let given = [("name", "hot"), ("device", "oven")].map(|(key, text)| (key.to_owned(), text.into()));
        let arguments = Arguments { positional: Vec::new(), named: given.into_iter().chain(named).collect() };
        match ThresholdOrder::parse("set_threshold", &arguments).map_err(|refusal| refusal.code)?.wish {
            ThresholdWish::Set(threshold) => Ok(threshold),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_threshold_has_its_defaults() {
        let threshold = set(&[("max", 60.0.into())]).expect("good");
        assert_eq!(
            (&*threshold.field, threshold.duration, threshold.severity),
            ("value", Duration::ZERO, Severity::Warning)
        );
        assert_eq!(threshold.bounds, Bounds { minimum: None, maximum: Some(60.0), hysteresis: 0.0 });
        assert_eq!((&threshold.action, &threshold.resolved_action), (&None, &None));
    }

    #[test]
    fn what_both_protocols_carry_is_understood() {
        let texts = [
            ("min", "-5"),
            ("max", "60.5"),
            ("hysteresis", "2"),
            ("duration", "5s"),
            ("severity", "critical"),
            ("action", "heater:0"),
        ];
        let texts = texts.map(|(key, text)| (key, Datum::from(text)));
        let numbers = [
            ("min", (-5.0).into()),
            ("max", 60.5.into()),
            ("hysteresis", 2.0.into()),
            ("duration", 5.0.into()),
            ("severity", "critical".into()),
            ("action", "heater:0".into()),
        ];
        assert_eq!(set(&texts), set(&numbers));
        assert!(set(&texts).is_ok());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (key, value, code) in [
            ("min", "70", Code::OutOfRange),
            ("min", "cold", Code::BadValue),
            ("hysteresis", "-1", Code::OutOfRange),
            ("duration", "25h", Code::OutOfRange),
            ("duration", "soon", Code::BadValue),
            ("severity", "bad", Code::BadValue),
            ("field", "Humidity", Code::BadValue),
            ("action", "heater", Code::BadValue),
            ("maximum", "1", Code::BadValue),
        ] {
            assert_eq!(set(&[("max", 60.0.into()), (key, value.into())]), Err(code), "{key}={value}");
        }
        assert_eq!(set(&[]), Err(Code::OutOfRange), "no limit at all");
    }

    #[test]
    fn a_page_says_how_many_are_left() {
        let page = |after: Option<u64>, most| {
            let selection = Selection { device: None, after, most };
            let page = Page::of(vec![1, 2, 3, 4], &selection, |item, after| item > after);
            (page.items, page.left, page.count)
        };
        assert_eq!(page(None, 3), (vec![1, 2, 3], 1, 4));
        assert_eq!(page(Some(3), 3), (vec![4], 0, 4));
        assert_eq!(page(Some(9), 3), (vec![], 0, 4));
    }
}
