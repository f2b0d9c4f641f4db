//! What became of the lines of an import: every line is in exactly one of the counts.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

/// Lines that can't be read are shown up to this number for each reason.
const EXAMPLES_MAX: usize = 3;

/// The counts.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Summary {
    /// The site.
    pub(crate) site: String,
    /// Lines read, without blank ones.
    pub(crate) lines: u64,
    /// Events stored.
    pub(crate) imported: u64,
    /// Events that were stored before.
    pub(crate) already_there: u64,
    /// Events that came twice in this import.
    pub(crate) repeated: u64,
    /// Events older than the site keeps them.
    pub(crate) expired: u64,
    /// Requests that were not for a page, by reason.
    pub(crate) not_pages: BTreeMap<&'static str, u64>,
    /// Events left out by the site's rules, by reason.
    pub(crate) dropped: BTreeMap<&'static str, u64>,
    /// Lines that can't be taken, by reason.
    pub(crate) unparsable: BTreeMap<&'static str, u64>,
    /// The first of them.
    pub(crate) examples: Vec<Example>,
    /// Whether this took up an import that had broken off.
    pub(crate) resumed: bool,
    /// How long it took.
    pub(crate) seconds: f64,
}

/// A line that can't be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Example {
    /// Its file.
    pub(crate) file: String,
    /// Its number, from 1.
    pub(crate) line: u64,
    /// Why, in a word.
    pub(crate) reason: &'static str,
    /// What would be right.
    pub(crate) detail: String,
}

impl Summary {
    /// Counts a line that can't be taken, and keeps it if it is among the first of its kind.
    pub(crate) fn unparsable(&mut self, reason: &'static str, example: impl FnOnce() -> Example) {
        let count = self.unparsable.entry(reason).or_default();
        *count += 1;
        if *count <= EXAMPLES_MAX as u64 {
            self.examples.push(example());
        }
    }

    /// What is printed at the end.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut row = |count: u64, what: &str| {
            if count > 0 {
                let _ = writeln!(text, "{:>13}  {what}", grouped(count));
            }
        };
        row(self.lines, "lines read");
        row(self.imported, "events imported");
        row(self.already_there, "already there");
        row(self.repeated, "twice in these files");
        row(self.expired, "older than the site keeps events");
        for (title, counts) in [
            ("not a page", &self.not_pages),
            ("left out by the site's rules", &self.dropped),
            ("can't be read", &self.unparsable),
        ] {
            let list: Vec<String> = counts
                .iter()
                .map(|(reason, count)| format!("{reason} {}", grouped(*count)))
                .collect();
            row(counts.values().sum(), &format!("{title}: {}", list.join(", ")));
        }
        if self.lines == 0 {
            text.push_str("The files hold no lines.\n");
        } else if self.imported == 0 {
            text.push_str("Nothing new was found.\n");
        }
        for example in &self.examples {
            let Example { file, line, reason, detail } = example;
            let _ = writeln!(text, "{file}, line {line}: {reason}: {detail}");
        }
        text
    }
}

/// 1234567 as 1,234,567.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_of_each_kind_are_shown() {
        let mut summary = Summary { lines: 1_234_567, imported: 1, ..Summary::default() };
        for line in 1..=5 {
            for reason in ["a", "b"] {
                let example = || Example { file: "f".into(), line, reason, detail: "d".into() };
                summary.unparsable(reason, example);
            }
        }
        assert_eq!(summary.examples.len(), 2 * EXAMPLES_MAX);
        let text = summary.text();
        assert!(text.contains("1,234,567  lines read"), "{text}");
        assert!(text.contains("10  can't be read: a 5, b 5"), "{text}");
        assert!(text.contains("f, line 1: a: d"), "{text}");
    }

    #[test]
    fn thousands() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")]
        {
            assert_eq!(grouped(number), expected);
        }
    }
}
