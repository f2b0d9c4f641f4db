//! From gross to net: a bar per reason, each below where the one before ended.

use super::figures::Figures;
use crate::chart::one;
use crate::query::Failure;
use crate::{format, words as w};

/// Everything the template writes.
pub(crate) struct Fall {
    pub(crate) gross: String,
    pub(crate) net: String,
    pub(crate) net_share: String,
    pub(crate) invalid: String,
    pub(crate) invalid_share: String,
    /// Width of net, in percent of gross.
    pub(crate) net_width: String,
    pub(crate) invalid_width: String,
    /// How many times the steps are enlarged, in words; empty when they are not.
    pub(crate) enlarged: String,
    /// Where the enlarged part begins, in thousandths of gross.
    pub(crate) from: String,
    /// Where it begins when it is enlarged.
    pub(crate) to: String,
    pub(crate) steps: Vec<Step>,
}

/// One reason.
pub(crate) struct Step {
    pub(crate) reason: String,
    pub(crate) code: String,
    pub(crate) x: String,
    pub(crate) width: String,
    pub(crate) count: String,
    pub(crate) share: String,
}

/// Draws it; `None` where there is nothing to show, or the reasons are not known.
pub(crate) fn draw(
    figures: &Figures,
    removed: &Result<Vec<(String, i64)>, Failure>,
) -> Option<Fall> {
    let (gross, net) = (figures.current.clicks, figures.current.net_clicks);
    let removed = removed.as_ref().ok()?;
    if gross <= 0 {
        return None;
    }
    let invalid = gross - net;
    let share = invalid.max(0) as f64 / gross as f64;
    // Whole times, so that the sentence is true; everything where nothing is enlarged.
    let times = if share > 0.0 { (1.0 / share).floor().clamp(1.0, 1_000.0) } else { 1.0 };
    let scale = times * 100.0 / gross as f64;
    let mut end = 100.0;
    let step = |(reason, clicks): &(String, i64)| {
        let width = (*clicks).max(0) as f64 * scale;
        end -= width;
        Step {
            reason: w::removed(reason),
            code: reason.clone(),
            x: format!("{}%", one(end.max(0.0))),
            width: format!("{}%", one(width.max(0.2))),
            count: format::count(-clicks),
            share: format::share(*clicks, gross),
        }
    };
    let percent = |part: f64| format!("{}%", one(part * 100.0));
    Some(Fall {
        gross: format::count(gross),
        net: format::count(net),
        net_share: format::share(net, gross),
        invalid: format::count(-invalid),
        invalid_share: format::share(invalid, gross),
        net_width: percent(1.0 - share),
        invalid_width: percent(share),
        enlarged: if times > 1.0 { w::enlarged(times as i64) } else { String::new() },
        from: one((1.0 - share) * 1_000.0),
        to: one((1.0 - times * share).max(0.0) * 1_000.0),
        steps: removed.iter().map(step).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::figures::Sums;
    use super::*;

    #[test]
    fn steps_lead_from_gross_to_net() {
        let current = Sums { clicks: 1_000, net_clicks: 900, ..Sums::default() };
        let figures = Figures { current, ..Figures::default() };
        let removed = Ok(vec![("duplicate_click".to_owned(), 75), ("bot_agent".to_owned(), 25)]);
        let fall = draw(&figures, &removed).unwrap();
        assert_eq!((fall.net_width.as_str(), fall.invalid_width.as_str()), ("90%", "10%"));
        assert!(fall.enlarged.contains("10 times"), "{}", fall.enlarged);
        let steps: Vec<_> = fall.steps.iter().map(|s| (s.x.as_str(), s.width.as_str())).collect();
        assert_eq!(steps, [("25%", "75%"), ("0%", "25%")]);
        assert!(draw(&Figures::default(), &removed).is_none());
        assert!(draw(&figures, &Err(Failure::Away)).is_none());
    }
}
