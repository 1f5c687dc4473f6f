//! The table that a run ends with.

use std::fmt;

/// All figures.
pub struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// One figure.
pub struct Row {
    name: String,
    unit: &'static str,
    ours: f64,
    beside: Option<(&'static str, f64)>,
    /// Ours to that, each turn for itself.
    ratio: Option<f64>,
    bound: Option<Bound>,
}

/// What is aimed at: for the ratio where there is one, else for the figure.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    /// A figure of ours alone.
    pub fn own(name: impl Into<String>, unit: &'static str, ours: f64, bound: Option<Bound>) -> Row {
        Row { name: name.into(), unit, ours, beside: None, ratio: None, bound }
    }

    /// A figure beside somebody else's.
    pub fn beside(
        name: String,
        unit: &'static str,
        beside: (&'static str, f64),
        ours: f64,
        ratio: f64,
        bound: Option<Bound>,
    ) -> Row {
        Row { name, unit, ours, beside: Some(beside), ratio: Some(ratio), bound }
    }
}

impl Table {
    /// Without rows.
    pub fn new() -> Table {
        Table { rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds a sentence below.
    pub fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }
}

impl Bound {
    fn holds(self, figure: f64) -> bool {
        // What rounds to the bound is the bound.
        let figure = (figure * 100.0).round() / 100.0;
        match self {
            Bound::AtMost(most) => figure <= most,
            Bound::AtLeast(least) => figure >= least,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:46} {:>12} {:10} {:>12} {:>8}   {:>9}",
            "figure (median)", "beside", "", "ours", "ratio", "target"
        )?;
        for Row { name, unit, ours, beside, ratio, bound } in &self.rows {
            let figure = format!("{name} [{unit}]");
            let (other, who) = beside.map_or((String::new(), ""), |(who, other)| (number(other), who));
            let ratio_text = ratio.map_or(String::new(), |ratio| format!("{ratio:.2}x"));
            write!(f, "{figure:46} {other:>12} {who:10} {:>12} {ratio_text:>8}", number(*ours))?;
            if let Some(bound) = bound {
                let by_ratio = if ratio.is_some() { "x" } else { "" };
                let (sign, aim) = match bound {
                    Bound::AtMost(most) => ("<=", most),
                    Bound::AtLeast(least) => (">=", least),
                };
                let verdict = if bound.holds(ratio.unwrap_or(*ours)) { "met" } else { "MISSED" };
                write!(f, "   {:>9}  {verdict}", format!("{sign} {aim}{by_ratio}"))?;
            }
            writeln!(f)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}

/// A number with about three digits that matter.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
