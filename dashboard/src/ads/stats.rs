//! The figures at the top of a page about ads.

use super::choice::{Choice, Measure};
use super::figures::Figures;
use super::lists::Saved;
use super::money;
use super::panels::spend_detail;
use crate::chart::{self, Change};
use crate::{format, words as w};

/// One of the figures at the top.
pub(super) struct Stat {
    pub(super) label: &'static str,
    pub(super) meaning: &'static str,
    pub(super) href: Option<String>,
    pub(super) current: bool,
    pub(super) value: String,
    pub(super) change: Option<Change>,
    pub(super) small: String,
}

/// What invalid clicks would have cost, by currency.
pub(super) fn total_saved(saved: &Saved) -> Option<String> {
    let mut sums = std::collections::BTreeMap::<String, i64>::new();
    for (currency, micros) in saved.values().flatten() {
        *sums.entry(currency.clone()).or_default() += micros;
    }
    money::joined(sums.iter().map(|(currency, micros)| (currency, *micros)))
}

/// The eight figures at the top.
pub(super) fn stats(choice: &Choice, figures: &Figures, saved: Option<String>) -> Vec<Stat> {
    let (gross, now) = (choice.view.gross, &figures.current);
    let before = figures.previous.as_ref();
    let currency = money::main_currency(&now.purse).unwrap_or("").to_owned();
    let stat = |label, measure: Measure, gross: bool| {
        let kind = measure.kind(&currency);
        let value = now.value(measure, gross, &currency);
        let was = before.and_then(|before| before.value(measure, gross, &currency));
        Stat {
            label,
            meaning: "",
            href: Some(choice.with(|choice| choice.measure = measure).href()),
            current: choice.measure == measure,
            value: chart::text(value, kind),
            change: before.and_then(|_| chart::compare(kind, measure.good(), value, was)),
            small: String::new(),
        }
    };
    let (clicks, impressions) = now.ctr_of(gross);
    let ctr = if gross { w::CTR_GROSS } else { w::CTR_NET };
    let of_gross = stat(w::GROSS_CLICKS, Measure::Clicks, true);
    let money = |label, value: Option<String>, small: String| Stat {
        label,
        meaning: "",
        href: None,
        current: false,
        value: value.unwrap_or("–".into()),
        change: None,
        small,
    };
    let spend = match now.purse.values().filter(|amounts| amounts.cost_nanos != 0).count() {
        0 | 1 if !currency.is_empty() => {
            Stat { change: None, small: spend_detail(now), ..stat(w::SPEND, Measure::Spend, gross) }
        }
        _ => money(w::SPEND, money::costs(&now.purse), String::new()),
    };
    let saved = match (saved, money::revenues(&now.purse)) {
        (Some(saved), _) => {
            let text = w::not_billed(&format::count(now.invalid_clicks()));
            Stat { meaning: w::SAVED_MEANS, ..money(w::SAVED, Some(saved), text) }
        }
        (None, revenue) => money(w::REVENUE, revenue, String::new()),
    };
    vec![
        stat(w::IMPRESSIONS, Measure::Impressions, gross),
        stat(w::VIEWABLE, Measure::Viewable, gross),
        Stat { current: of_gross.current && gross, ..of_gross },
        {
            let net = stat(w::NET_CLICKS, Measure::Clicks, false);
            Stat { current: net.current && !gross, ..net }
        },
        Stat {
            meaning: w::WILSON,
            change: None,
            small: format::wilson(clicks, impressions),
            ..stat(ctr, Measure::Ctr, gross)
        },
        Stat {
            value: format::millionths(now.conversions()),
            ..stat(w::CONVERSIONS, Measure::Conversions, gross)
        },
        spend,
        saved,
    ]
}

/// The same where nothing could be read: no figure is better than a zero that is none.
pub(super) fn unread(stats: Vec<Stat>) -> Vec<Stat> {
    let unread = |stat| Stat { value: "–".into(), change: None, small: String::new(), ..stat };
    stats.into_iter().map(unread).collect()
}
