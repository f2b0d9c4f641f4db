//! The rows of the lists about ads: which columns each list has, and what stands in them.

use footfall_event::VerdictReason;

use super::budget;
use super::choice::{AdPanel, Rows};
use super::lists::ListRow;
use super::money;
use super::names::Tag;
use super::panels::Context;
use super::positions::same_mix;
use super::table::{
    Cell, Head, Scales, Style, Table, TableRow, conversions, head, number, number_in, plain_rate,
    spend, trend,
};
use crate::chart::one;
use crate::clicks::choice::Filter;
use crate::{countries, format, words as w};

impl Context<'_> {
    /// The table of removed clicks.
    pub(crate) fn removed_table(&self, rows: &[(String, i64)], limit: usize) -> Table {
        let invalid = self.all.invalid_clicks();
        let largest = rows.first().map_or(1, |(_, clicks)| (*clicks).max(1));
        let row = |(reason, clicks): &(String, i64)| {
            let width = (*clicks).max(0) as f64 * 100.0 / largest as f64;
            let cells = vec![
                number(w::CLICKS, format::count(*clicks)),
                number_in(w::SHARE, "n s", format::share(*clicks, invalid)),
                number_in(w::OF_GROSS, "n s p-hide", format::share(*clicks, self.all.clicks)),
            ];
            let bar = format!("{}%", one(width));
            let known = VerdictReason::parse(reason).map(Filter::because);
            let href = known.map(|of| of.href(&self.choice.with(|_| {}), ""));
            TableRow { bar, href, ..TableRow::named(w::removed(reason), cells) }
        };
        Table {
            caption: w::ad_panel(AdPanel::Removed).to_owned(),
            heads: vec![
                head(w::REASON, ""),
                Head { sorted: true, ..head(w::CLICKS, "n") },
                head(w::SHARE, "n s"),
                head(w::OF_GROSS, "n s p-hide"),
            ],
            rows: rows.iter().take(limit).map(row).collect(),
            total: None,
            style: Style::Barred,
        }
    }

    /// The table of a list.
    pub(crate) fn table(&self, panel: AdPanel, rows: &[ListRow], half: bool) -> Table {
        let scales = Scales::of(rows.iter().map(|row| &row.sums), self.all, self.choice.view.gross);
        let style = match panel {
            AdPanel::Campaigns if !half => Style::Cards,
            AdPanel::Placements => Style::Roomy,
            _ => Style::One,
        };
        let cards = style == Style::Cards;
        let row = |row: &ListRow| match panel {
            AdPanel::Campaigns if cards => self.roomy(row, &scales),
            _ => self.plain(panel, row, &scales, half),
        };
        Table {
            caption: format!("{}, {}", w::ad_panel(panel), format::days(&self.period.current)),
            heads: if cards { self.roomy_heads() } else { self.plain_heads(panel, half) },
            rows: rows.iter().map(row).collect(),
            total: (cards && rows.len() > 1 && self.is_known).then(|| self.total(&scales)),
            style,
        }
    }

    fn roomy_heads(&self) -> Vec<Head> {
        let ctr = if self.choice.view.gross { w::CTR_GROSS } else { w::CTR_NET };
        vec![
            head(w::ad_column(AdPanel::Campaigns, self.choice.rows), ""),
            head(w::TREND, "p-hide"),
            head(w::IMPRESSIONS, "n"),
            Head { sorted: true, ..head(w::GROSS_TO_NET, "") },
            head(ctr, ""),
            head(w::CONVERSIONS, "n"),
            head(w::SPEND, "n"),
            match self.choice.rows {
                Rows::Campaigns => head(w::BUDGET, ""),
                _ => head(w::CTR_MIXED, "n"),
            },
        ]
    }

    fn roomy(&self, row: &ListRow, scales: &Scales) -> TableRow {
        let sums = &row.sums;
        let saved = self.saved.get(&row.name).filter(|_| self.choice.rows != Rows::Advertisers);
        let saved = saved.and_then(|parts| money::joined(parts.iter().map(|(c, m)| (c, *m))));
        let cells = vec![
            self.trend(row),
            scales.impressions(sums),
            scales.gross_net(sums),
            scales.rate(sums),
            conversions(sums),
            spend(sums, saved),
            match self.choice.rows {
                Rows::Campaigns => self.budget(&row.name),
                _ => self.mixed(row),
            },
        ];
        let (name, href, tag, small) = self.named(row);
        TableRow { tag, href, small, ..TableRow::named(name, cells) }
    }

    fn named(&self, row: &ListRow) -> (String, Option<String>, Option<Tag>, String) {
        let unknown = || Some(Tag { class: "flag", text: w::NOT_IN_CATALOGUE.to_owned() });
        let id = &row.name;
        match self.choice.rows {
            Rows::Advertisers => (self.names.advertiser_name(id), None, None, String::new()),
            Rows::Ads => {
                let known = self.names.ad(id).is_some();
                let small = if known { self.names.campaign_name(&row.code) } else { String::new() };
                let tag = if known { None } else { unknown() };
                (self.names.ad_name(id), Some(self.choice.ad_href(id)), tag, small)
            }
            Rows::Campaigns => {
                let href = (!id.is_empty()).then(|| self.choice.campaign_href(id));
                let Some(campaign) = self.names.campaign(id) else {
                    return (self.names.campaign_name(id), href, unknown(), String::new());
                };
                let tag = self.names.state(campaign, budget::spent_of(self.spent, campaign));
                // Running is the rule: only what differs is said in a list.
                let tag = (tag.class != "good").then_some(tag);
                let small = self.names.campaign_facts(campaign);
                (self.names.campaign_name(id), href, tag, small)
            }
        }
    }

    fn trend(&self, row: &ListRow) -> Cell {
        let Some(of_row) = self.trends.get(&row.name) else { return Cell::None };
        let buckets = self.period.buckets(self.unit);
        let (shown, unfinished) = crate::chart::begun(&buckets, self.period.now);
        let value = |from: i64| of_row.get(&from).copied().unwrap_or_default();
        let values: Vec<_> = buckets[..shown].iter().map(|bucket| value(bucket.from)).collect();
        trend(&values, unfinished)
    }

    fn budget(&self, id: &str) -> Cell {
        let (Some(campaign), Some(_)) = (self.names.campaign(id), self.spent) else {
            return Cell::None;
        };
        budget::meter(campaign, budget::spent_of(self.spent, campaign), self.names.now)
    }

    /// The rate as if every row had stood in the same positions.
    fn mixed(&self, row: &ListRow) -> Cell {
        let all = self.all.ctr_of(self.choice.view.gross);
        let rate = same_mix(row, all, self.choice.view.gross);
        number(w::CTR_MIXED, rate.map_or("–".into(), |rate| format!("{:.2}%", rate * 100.0)))
    }

    fn total(&self, scales: &Scales) -> TableRow {
        let cells = vec![
            Cell::None,
            scales.impressions(self.all),
            match scales.gross_net(self.all) {
                Cell::GrossNet { label, gross, net, lost, bad, .. } => {
                    Cell::GrossNet { label, gross, net, lost, bars: None, bad }
                }
                other => other,
            },
            match scales.rate(self.all) {
                Cell::Rate { label, rate, interval, .. } => {
                    Cell::Rate { label, rate, interval, drawn: None }
                }
                other => other,
            },
            conversions(self.all),
            spend(self.all, None),
            Cell::None,
        ];
        TableRow::named(w::all_rows(self.choice.rows), cells)
    }

    fn plain_heads(&self, panel: AdPanel, half: bool) -> Vec<Head> {
        let ctr = if self.choice.view.gross { w::CTR_GROSS } else { w::CTR_NET };
        let ordered = panel != AdPanel::Positions && panel != AdPanel::Delay;
        let name = head(w::ad_column(panel, self.choice.rows), "");
        let impressions = head(w::IMPRESSIONS, "n");
        let clicks = Head { sorted: ordered, ..head(w::NET_CLICKS, "n") };
        let interval = head(w::INTERVAL, "n p-hide");
        match panel {
            AdPanel::Delay => vec![name, clicks, head(w::SHARE, "n")],
            AdPanel::Placements if half => {
                vec![name, impressions, head(ctr, ""), head(w::INVALID, "n")]
            }
            AdPanel::Placements => {
                vec![name, impressions, clicks, head(ctr, ""), head(w::INVALID, "n")]
            }
            AdPanel::Campaigns if half => vec![name, impressions, clicks, head(ctr, "")],
            AdPanel::Positions | AdPanel::Campaigns => {
                let mixed = head(mixed_label(panel), "n p-hide");
                vec![name, impressions, clicks, mixed, head(ctr, ""), interval]
            }
            _ => vec![name, impressions, clicks, head(ctr, "n"), interval],
        }
    }

    fn plain(&self, panel: AdPanel, row: &ListRow, scales: &Scales, half: bool) -> TableRow {
        let sums = &row.sums;
        let rate = sums.ctr_of(self.choice.view.gross);
        let (clicks, impressions) = rate;
        let net_clicks = || number(w::NET_CLICKS, format::count(sums.net_clicks));
        let shown = || number(w::IMPRESSIONS, format::count(impressions));
        let interval =
            || number_in(w::INTERVAL, "n p-hide dim", format::wilson(clicks, impressions));
        let invalid = || number(w::INVALID, format::share(sums.invalid_clicks(), sums.clicks));
        let cells = match panel {
            AdPanel::Delay => {
                let share = format::share(sums.net_clicks, self.all.net_clicks);
                vec![net_clicks(), number(w::SHARE, share)]
            }
            AdPanel::Placements if half => {
                vec![scales.impressions(sums), scales.rate(sums), invalid()]
            }
            AdPanel::Placements => {
                vec![scales.impressions(sums), net_clicks(), scales.rate(sums), invalid()]
            }
            AdPanel::Campaigns if half => vec![shown(), net_clicks(), scales.rate(sums)],
            AdPanel::Positions | AdPanel::Campaigns => {
                let mixed = match self.mixed(row) {
                    Cell::Number { text, .. } => {
                        number_in(mixed_label(panel), "n p-hide dim", text)
                    }
                    other => other,
                };
                vec![shown(), net_clicks(), mixed, scales.rate(sums), interval()]
            }
            _ => vec![shown(), net_clicks(), plain_rate(w::CTR, rate), interval()],
        };
        let (name, href, small) = self.plain_name(panel, row);
        TableRow { href, small, ..TableRow::named(name, cells) }
    }

    fn plain_name(&self, panel: AdPanel, row: &ListRow) -> (String, Option<String>, String) {
        let id = row.name.as_str();
        let name = match panel {
            AdPanel::Placements => {
                let facts = self.names.placement_facts(id);
                return (self.names.placement_name(id), None, facts);
            }
            AdPanel::Campaigns => {
                let (name, href, _, _) = self.named(row);
                return (name, href, String::new());
            }
            AdPanel::Positions => w::position(id),
            AdPanel::Devices => w::device(id).to_owned(),
            AdPanel::Delay => w::delay(id).to_owned(),
            _ if id.is_empty() => w::UNKNOWN.to_owned(),
            AdPanel::Countries => countries::name(id).to_owned(),
            AdPanel::Criteria | AdPanel::Removed => id.to_owned(),
        };
        (name, None, String::new())
    }
}

/// What rates are standardised over, as a column says it.
const fn mixed_label(panel: AdPanel) -> &'static str {
    match panel {
        AdPanel::Positions => w::SAME_MIX,
        _ => w::CTR_MIXED,
    }
}
