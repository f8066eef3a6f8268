//! Prometheus's text format: families of rows, each with labels and a number.

use std::fmt::{Display, Write};

/// What becomes of a number in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only rises.
    Counter,
    /// It rises and falls.
    Gauge,
}

/// A page in the making. Writing to a string does not fail.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a family; its rows come behind.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One row of the family that was begun.
    pub(super) fn row(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (index, (label, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{}\"", escaped(value));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    /// A family of one row.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, Kind::Gauge, help);
        self.row(name, &[], value);
    }

    /// The same of what only rises.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, Kind::Counter, help);
        self.row(name, &[], value);
    }

    /// A family with all its rows, unless there are none.
    pub(super) fn rows<'a, L: AsRef<[(&'a str, &'a str)]>, V: Display>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        rows: impl Iterator<Item = (L, V)>,
    ) {
        let mut rows = rows.peekable();
        if rows.peek().is_some() {
            self.family(name, kind, help);
        }
        for (labels, value) in rows {
            self.row(name, labels.as_ref(), value);
        }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// The value of a label may be anything but these three as they are.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_labels_and_a_number() {
        let mut text = Text::default();
        text.gauge("a", "What it is.", 1.5);
        text.rows("b_total", Kind::Counter, "More.", [([("x", "1"), ("y", "a\"b\\c\nd")], 7)].into_iter());
        text.rows("none", Kind::Gauge, "Nothing.", std::iter::empty::<([(&str, &str); 1], u64)>());
        let expected = "# HELP a What it is.\n# TYPE a gauge\na 1.5\n# HELP b_total More.\n# TYPE b_total counter\n\
                        b_total{x=\"1\",y=\"a\\\"b\\\\c\\nd\"} 7\n";
        assert_eq!(text.finish(), expected);
    }
}
