//! What a page shows, as its address says it: everything is a link, so everything that can be
//! chosen is a query parameter, and every choice is written the same way again.
//!
//! Unknown parameters are ignored (mail programs add theirs); a known one with a value that can't
//! be right is an error that says what would be.

use jiff::civil::Date;

use crate::error::Problem;
use crate::figures::Metric;
use crate::format::path_segment;
use crate::period::{Compare, DAYS_MAX, Preset, Unit, days_between};
use crate::tables::{Dimension, Panel};

/// What a page shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) site: String,
    /// `None`: the usual one for the site.
    pub(crate) preset: Option<Preset>,
    pub(crate) compare: Compare,
    /// Count what was judged invalid too.
    pub(crate) gross: bool,
    pub(crate) unit: Option<Unit>,
    pub(crate) metric: Metric,
    /// The chosen tab of each panel, in the panels' order.
    pub(crate) tabs: [usize; Panel::ALL.len()],
    /// Page of a long table, from 1.
    pub(crate) page: u32,
    /// Look again by itself after so many seconds, for browsers without JavaScript.
    pub(crate) refresh: Option<u32>,
}

/// Last page of a long table.
const PAGE_MAX: u32 = 10_000;

impl View {
    /// The view of a site that nothing was chosen for.
    pub(crate) fn new(site: &str) -> View {
        View {
            site: site.to_owned(),
            preset: None,
            compare: Compare::default(),
            gross: false,
            unit: None,
            metric: Metric::Visitors,
            tabs: [0; Panel::ALL.len()],
            page: 1,
            refresh: None,
        }
    }

    /// Reads the query parameters.
    pub(crate) fn parse(site: &str, pairs: &[(String, String)]) -> Result<View, Problem> {
        let mut view = View::new(site);
        let get = |name: &str| {
            pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
        };
        if let Some(word) = get("period") {
            view.preset = Some(preset(word, get("from"), get("to"))?);
        }
        view.compare = match get("comparison") {
            None | Some("previous_period") => Compare::Previous,
            Some("year_over_year") => Compare::YearBefore,
            Some("off") => Compare::Off,
            Some(word) => {
                return Err(wrong("comparison", word, "previous_period, year_over_year, off"));
            }
        };
        view.gross = match get("counting") {
            None | Some("net") => false,
            Some("gross") => true,
            Some(word) => return Err(wrong("counting", word, "net, gross")),
        };
        if let Some(word) = get("interval") {
            let unit = Unit::parse(word);
            view.unit =
                Some(unit.ok_or_else(|| wrong("interval", word, "hour, day, week, month"))?);
        }
        if let Some(word) = get("metric") {
            let known = || Metric::ALL.map(Metric::as_str).join(", ");
            view.metric = Metric::parse(word).ok_or_else(|| wrong("metric", word, &known()))?;
        }
        for (at, panel) in Panel::ALL.into_iter().enumerate() {
            if let Some(word) = get(panel.as_str()) {
                view.tabs[at] =
                    panel.tabs().iter().position(|tab| tab.slug() == word).ok_or_else(|| {
                        let known: Vec<_> = panel.tabs().iter().map(|tab| tab.slug()).collect();
                        wrong(panel.as_str(), word, &known.join(", "))
                    })?;
            }
        }
        view.page = number(get("page"), "page", PAGE_MAX)?.unwrap_or(1);
        view.refresh = number(get("refresh"), "refresh", 3_600)?;
        Ok(view)
    }

    /// The chosen tab of a panel.
    pub(crate) fn tab(&self, panel: Panel) -> Dimension {
        panel.tabs()[self.tabs[panel as usize]]
    }

    /// Only what differs from the usual, in a fixed order, with its `?`; empty when nothing does.
    pub(crate) fn query(&self) -> String {
        let mut out = String::new();
        let mut add = |name: &str, value: &str| {
            out.push(if out.is_empty() { '?' } else { '&' });
            out.push_str(name);
            out.push('=');
            out.push_str(value);
        };
        if let Some(preset) = self.preset {
            add("period", preset.as_str());
            if let Preset::Custom(from, to) = preset {
                add("from", &from.to_string());
                add("to", &to.to_string());
            }
        }
        match self.compare {
            Compare::Previous => {}
            Compare::YearBefore => add("comparison", "year_over_year"),
            Compare::Off => add("comparison", "off"),
        }
        if self.gross {
            add("counting", "gross");
        }
        if let Some(unit) = self.unit {
            add("interval", unit.as_str());
        }
        if self.metric != Metric::Visitors {
            add("metric", self.metric.as_str());
        }
        for panel in Panel::ALL {
            if self.tabs[panel as usize] != 0 {
                add(panel.as_str(), self.tab(panel).slug());
            }
        }
        if self.page > 1 {
            add("page", &self.page.to_string());
        }
        if let Some(seconds) = self.refresh {
            add("refresh", &seconds.to_string());
        }
        out
    }

    /// The address of the overview.
    pub(crate) fn href(&self) -> String {
        format!("/sites/{}{}", path_segment(&self.site), self.query())
    }

    /// The address of one table (`extension`: empty, `.csv` or `.json`).
    pub(crate) fn table_href(&self, panel: Panel, extension: &str) -> String {
        format!("/sites/{}/{}{extension}{}", path_segment(&self.site), panel.as_str(), self.query())
    }

    /// The same view with something else chosen.
    pub(crate) fn with(&self, change: impl FnOnce(&mut View)) -> View {
        let mut view = self.clone();
        view.page = 1;
        change(&mut view);
        view
    }
}

fn preset(word: &str, from: Option<&str>, to: Option<&str>) -> Result<Preset, Problem> {
    if word == "custom" {
        let day = |name: &str, text: Option<&str>| -> Result<Date, Problem> {
            let text = text.unwrap_or("");
            let date =
                text.parse::<Date>().ok().filter(|date| (1970..=2105).contains(&date.year()));
            date.ok_or_else(|| wrong(name, text, "a day such as 2026-11-21"))
        };
        let (from, to) = (day("from", from)?, day("to", to)?);
        if to < from {
            return Err(wrong("to", &to.to_string(), "a day that is not before from"));
        }
        if days_between(from, to) >= DAYS_MAX {
            return Err(wrong("from", &from.to_string(), "a day at most 25 years before to"));
        }
        return Ok(Preset::Custom(from, to));
    }
    Preset::parse(word).ok_or_else(|| {
        let known =
            "today, yesterday, 7d, 28d, 30d, 91d, month, last_month, year, 12mo, all, custom";
        wrong("period", word, known)
    })
}

fn number(text: Option<&str>, name: &str, max: u32) -> Result<Option<u32>, Problem> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<u32>() {
        Ok(value) if (1..=max).contains(&value) => Ok(Some(value)),
        _ => Err(wrong(name, text, &format!("a number from 1 to {max}"))),
    }
}

/// The error of a parameter: what was wrong, and what would be right.
pub(crate) fn wrong(name: &str, value: &str, right: &str) -> Problem {
    let value: String = value.chars().take(60).collect();
    Problem::BadRequest(format!("{name}={value} is not possible here; it can be: {right}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(query: &str) -> Vec<(String, String)> {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn addresses_round_trip() {
        for query in [
            "",
            "?period=today",
            "?period=custom&from=2026-01-02&to=2026-02-03&comparison=off",
            "?period=28d&comparison=year_over_year&counting=gross&interval=week&metric=bounce_rate&pages=entry&sources=channels&page=3&refresh=10",
        ] {
            let view = View::parse("example.com", &pairs(query.trim_start_matches('?'))).unwrap();
            assert_eq!(view.query(), query);
        }
    }

    #[test]
    fn what_is_wrong_is_said_and_what_would_be_right() {
        for (query, named) in [
            ("period=fortnight", "28d"),
            ("period=custom", "2026-11-21"),
            ("period=custom&from=2026-02-02&to=2026-02-01", "not before from"),
            ("period=custom&from=2026-02-30&to=2026-03-01", "2026-11-21"),
            ("interval=second", "hour"),
            ("pages=middle", "entry"),
            ("page=0", "from 1"),
            ("refresh=-1", "from 1"),
            ("counting=%00", "gross"),
        ] {
            let Err(Problem::BadRequest(text)) = View::parse("example.com", &pairs(query)) else {
                panic!("{query} was taken");
            };
            assert!(text.contains(named), "{query}: {text}");
        }
        assert!(View::parse("example.com", &pairs("utm_source=mail&period=7d")).is_ok());
    }
}
