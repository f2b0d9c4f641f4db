//! From gross to net: a bar per reason, each below where the one before ended, and what each is
//! worth. Counts are those of the windows; worth and flagged are those of the clicks themselves.

use footfall_event::{Verdict, VerdictReason};

use super::choice::Choice;
use super::figures::Figures;
use super::money;
use crate::chart::one;
use crate::clicks::choice::Filter;
use crate::clicks::load::Summary;
use crate::query::Failure;
use crate::{format, words as w};

/// Everything the template writes.
pub(crate) struct Fall {
    pub(crate) gross: String,
    pub(crate) net: String,
    pub(crate) net_share: String,
    pub(crate) invalid: String,
    pub(crate) invalid_share: String,
    /// Width of valid and of flagged clicks, and where the invalid begin, in percent of gross.
    pub(crate) valid_width: String,
    pub(crate) flagged_width: String,
    pub(crate) net_width: String,
    pub(crate) invalid_width: String,
    /// How many times the steps are enlarged, in words; empty when they are not.
    pub(crate) enlarged: String,
    /// Where the enlarged part begins, in thousandths of gross.
    pub(crate) from: String,
    /// Where it begins when it is enlarged.
    pub(crate) to: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) flagged: Option<Flagged>,
    /// What all, the invalid and the net clicks are worth; absent where clicks are not paid.
    pub(crate) worth: Option<[String; 3]>,
    /// Label and address of the list of all clicks.
    pub(crate) all: (String, String),
}

/// One reason.
pub(crate) struct Step {
    pub(crate) reason: String,
    pub(crate) code: String,
    /// Address of its clicks; empty for a reason that this program does not know.
    pub(crate) href: String,
    pub(crate) class: &'static str,
    pub(crate) class_means: &'static str,
    pub(crate) x: String,
    pub(crate) width: String,
    pub(crate) count: String,
    pub(crate) share: String,
    pub(crate) worth: String,
}

/// The flagged among the net clicks.
pub(crate) struct Flagged {
    pub(crate) count: String,
    pub(crate) share: String,
    pub(crate) worth: String,
    pub(crate) href: String,
}

/// Invalid clicks by their reason.
pub(crate) type Removed = Result<Vec<(String, i64)>, Failure>;

/// Draws it; `None` where there is nothing to show, or the reasons are not known.
pub(crate) fn draw(
    figures: &Figures,
    removed: &Removed,
    summary: &Summary,
    choice: &Choice,
) -> Option<Fall> {
    let (gross, net) = (figures.current.clicks, figures.current.net_clicks);
    let removed = removed.as_ref().ok()?;
    if gross <= 0 {
        return None;
    }
    let invalid = gross - net;
    let share = invalid.max(0) as f64 / gross as f64;
    let flagged = summary.clicks(Filter::of(Verdict::Flagged));
    let flagged_share = (flagged as f64 / gross as f64).clamp(0.0, 1.0 - share);
    // Whole times, so that the sentence is true; everything where nothing is enlarged.
    let times = if share > 0.0 { (1.0 / share).floor().clamp(1.0, 1_000.0) } else { 1.0 };
    let percent = |part: f64| format!("{}%", one(part * 100.0));
    let is_paid = !summary.worth(Filter::ALL).is_empty();
    Some(Fall {
        gross: format::count(gross),
        net: format::count(net),
        net_share: format::share(net, gross),
        invalid: format::count(-invalid),
        invalid_share: format::share(invalid, gross),
        valid_width: percent(1.0 - share - flagged_share),
        flagged_width: percent(flagged_share),
        net_width: percent(1.0 - share),
        invalid_width: percent(share),
        enlarged: if times > 1.0 { w::enlarged(times as i64) } else { String::new() },
        from: one((1.0 - share) * 1_000.0),
        to: one((1.0 - times * share).max(0.0) * 1_000.0),
        steps: steps(removed, gross, times, summary, choice),
        flagged: (flagged > 0).then(|| Flagged {
            count: format::count(flagged),
            share: format::share(flagged, gross),
            worth: worth(summary, Filter::of(Verdict::Flagged), 1),
            href: Filter::of(Verdict::Flagged).href(choice, ""),
        }),
        worth: is_paid.then(|| {
            let all = worth(summary, Filter::ALL, 1);
            [all, worth(summary, Filter::INVALID, -1), worth_of_net(summary)]
        }),
        all: (w::all_clicks(gross), Filter::ALL.href(choice, "")),
    })
}

fn steps(
    removed: &[(String, i64)],
    gross: i64,
    times: f64,
    summary: &Summary,
    choice: &Choice,
) -> Vec<Step> {
    let scale = times * 100.0 / gross as f64;
    let mut end = 100.0;
    let step = |(word, clicks): &(String, i64)| {
        let width = (*clicks).max(0) as f64 * scale;
        end -= width;
        let known = VerdictReason::parse(word);
        let of = known.map(Filter::because);
        Step {
            reason: w::removed(word),
            code: word.clone(),
            href: of.map_or(String::new(), |of| of.href(choice, "")),
            class: known.map_or("", |reason| reason.class().as_str()),
            class_means: known.map_or("", |reason| w::class(reason.class())),
            x: format!("{}%", one(f64::max(end, 0.0))),
            width: format!("{}%", one(width.max(0.2))),
            count: format::count(-clicks),
            share: format::share(*clicks, gross),
            worth: of.map_or(String::new(), |of| worth(summary, of, -1)),
        }
    };
    removed.iter().map(step).collect()
}

fn worth(summary: &Summary, filter: Filter, sign: i64) -> String {
    let worth = summary.worth(filter);
    money::joined(worth.iter().map(|(currency, micros)| (currency, sign * micros)))
        .unwrap_or_default()
}

fn worth_of_net(summary: &Summary) -> String {
    let mut sums = std::collections::BTreeMap::<String, i64>::new();
    for verdict in [Verdict::Valid, Verdict::Flagged] {
        for (currency, micros) in summary.worth(Filter::of(verdict)) {
            *sums.entry(currency).or_default() += micros;
        }
    }
    money::joined(sums.iter().map(|(currency, micros)| (currency, *micros))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::figures::Sums;
    use super::*;
    use crate::clicks::load::Part;
    use crate::view::View;

    fn part(in_force: &str, counted: &str, clicks: i64, micros: i64) -> Part {
        Part {
            in_force: in_force.into(),
            counted: counted.into(),
            of_currency: "EUR".into(),
            clicks,
            micros,
            decided: clicks,
            taken_back: 0,
            given_back: 0,
            rules: vec![1],
        }
    }

    #[test]
    fn steps_lead_from_gross_to_net() {
        let current = Sums { clicks: 1_000, net_clicks: 900, ..Sums::default() };
        let figures = Figures { current, ..Figures::default() };
        let removed = Ok(vec![("duplicate_click".to_owned(), 75), ("bot_agent".to_owned(), 25)]);
        let choice = Choice::parse(View::new("a.example"), &[]).unwrap();
        let summary = Summary {
            parts: vec![
                part("valid", "", 800, 800_000_000),
                part("flagged", "no_impression", 100, 100_000_000),
                part("invalid", "duplicate_click", 75, 75_000_000),
                part("invalid", "bot_agent", 25, 25_000_000),
            ],
        };
        let fall = draw(&figures, &removed, &summary, &choice).unwrap();
        assert_eq!((fall.net_width.as_str(), fall.invalid_width.as_str()), ("90%", "10%"));
        assert_eq!((fall.valid_width.as_str(), fall.flagged_width.as_str()), ("80%", "10%"));
        assert!(fall.enlarged.contains("10 times"), "{}", fall.enlarged);
        let steps: Vec<_> = fall.steps.iter().map(|s| (s.x.as_str(), s.width.as_str())).collect();
        assert_eq!(steps, [("25%", "75%"), ("0%", "25%")]);
        assert_eq!(fall.steps[0].worth, "−€75.00");
        assert_eq!(fall.worth.unwrap(), ["€1,000.00", "−€100.00", "€900.00"]);
        assert!(draw(&Figures::default(), &removed, &summary, &choice).is_none());
        assert!(draw(&figures, &Err(Failure::Away), &summary, &choice).is_none());
        let unpaid = draw(&figures, &removed, &Summary::default(), &choice).unwrap();
        assert!(unpaid.worth.is_none() && unpaid.flagged.is_none());
    }
}
