//! The rows of the lists about ads: which columns each list has, and what stands in them.

use super::budget;
use super::choice::{AdPanel, Rows};
use super::lists::ListRow;
use super::money;
use super::names::Tag;
use super::panels::Context;
use super::positions::same_mix;
use super::table::{Cell, Head, Scales, Table, TableRow, conversions, head, number, spend, trend};
use crate::{countries, format, words as w};

impl Context<'_> {
    /// The table of removed clicks.
    pub(crate) fn removed_table(&self, rows: &[(String, i64)], limit: usize) -> Table {
        let invalid = self.all.invalid_clicks();
        let row = |(reason, clicks): &(String, i64)| TableRow {
            small: String::new(),
            ..TableRow::named(
                w::removed(reason),
                vec![
                    number(w::CLICKS, format::count(*clicks)),
                    number(w::SHARE, format::share(*clicks, invalid)),
                    number(w::OF_GROSS, format::share(*clicks, self.all.clicks)),
                ],
            )
        };
        Table {
            caption: w::ad_panel(AdPanel::Removed).to_owned(),
            heads: vec![
                head(w::REASON, ""),
                Head { sorted: true, ..head(w::CLICKS, "n") },
                head(w::SHARE, "n"),
                head(w::OF_GROSS, "n p-hide"),
            ],
            rows: rows.iter().take(limit).map(row).collect(),
            total: None,
            roomy: false,
        }
    }

    /// The table of a list.
    pub(crate) fn table(&self, panel: AdPanel, rows: &[ListRow], half: bool) -> Table {
        let scales = Scales::of(rows.iter().map(|row| &row.sums), self.all, self.choice.view.gross);
        let roomy = panel == AdPanel::Campaigns && !half;
        let row = |row: &ListRow| match panel {
            AdPanel::Campaigns if roomy => self.roomy(row, &scales),
            _ => self.plain(panel, row, &scales),
        };
        Table {
            caption: format!("{}, {}", w::ad_panel(panel), format::days(&self.period.current)),
            heads: if roomy { self.roomy_heads() } else { self.plain_heads(panel) },
            rows: rows.iter().map(row).collect(),
            total: (roomy && rows.len() > 1).then(|| self.total(&scales)),
            roomy,
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
        TableRow { name, href, tag, small, cells }
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
        let Some(campaign) = self.names.campaign(id) else { return Cell::None };
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

    fn plain_heads(&self, panel: AdPanel) -> Vec<Head> {
        let ctr = if self.choice.view.gross { w::CTR_GROSS } else { w::CTR_NET };
        let mut heads = vec![
            head(w::ad_column(panel, self.choice.rows), ""),
            head(w::IMPRESSIONS, "n"),
            Head {
                sorted: panel != AdPanel::Positions && panel != AdPanel::Delay,
                ..head(w::NET_CLICKS, "n")
            },
        ];
        match panel {
            AdPanel::Delay => return vec![heads.remove(0), heads.remove(1), head(w::SHARE, "n")],
            AdPanel::Placements => heads.insert(3, head(w::INVALID, "n p-hide")),
            AdPanel::Positions | AdPanel::Campaigns => heads.push(head(w::CTR_MIXED, "n p-hide")),
            _ => {}
        }
        heads.push(head(ctr, ""));
        heads.push(head(w::INTERVAL, "n p-hide"));
        heads
    }

    fn plain(&self, panel: AdPanel, row: &ListRow, scales: &Scales) -> TableRow {
        let sums = &row.sums;
        let (clicks, impressions) = sums.ctr_of(self.choice.view.gross);
        let hidden = |cell| match cell {
            Cell::Number { label, text, small, low, .. } => {
                Cell::Number { label, class: "n p-hide dim", text, small, low }
            }
            other => other,
        };
        let (name, href, small) = match panel {
            AdPanel::Placements => {
                (self.names.placement_name(&row.name), None, self.names.placement_facts(&row.name))
            }
            AdPanel::Campaigns => {
                let (name, href, _, _) = self.named(row);
                (name, href, String::new())
            }
            AdPanel::Positions => (w::position(&row.name), None, String::new()),
            AdPanel::Devices => (w::device(&row.name).to_owned(), None, String::new()),
            AdPanel::Countries if row.name.is_empty() => {
                (w::UNKNOWN.to_owned(), None, String::new())
            }
            AdPanel::Countries => (countries::name(&row.name).to_owned(), None, String::new()),
            AdPanel::Delay => (w::delay(&row.name).to_owned(), None, String::new()),
            AdPanel::Criteria if row.name.is_empty() => {
                (w::UNKNOWN.to_owned(), None, String::new())
            }
            AdPanel::Criteria | AdPanel::Removed => (row.name.clone(), None, String::new()),
        };
        let mut cells =
            vec![scales.impressions(sums), number(w::NET_CLICKS, format::count(sums.net_clicks))];
        match panel {
            AdPanel::Delay => {
                let share = format::share(sums.net_clicks, self.all.net_clicks);
                cells = vec![cells.remove(1), number(w::SHARE, share)];
                return TableRow { href, small, ..TableRow::named(name, cells) };
            }
            AdPanel::Placements => {
                let invalid = format::share(sums.invalid_clicks(), sums.clicks);
                cells.push(hidden(number(w::INVALID, invalid)));
            }
            AdPanel::Positions | AdPanel::Campaigns => cells.push(hidden(self.mixed(row))),
            _ => {}
        }
        cells.push(scales.rate(sums));
        cells.push(hidden(number(w::INTERVAL, format::wilson(clicks, impressions))));
        if panel != AdPanel::Placements {
            cells[0] = number(w::IMPRESSIONS, format::count(impressions));
        }
        TableRow { href, small, ..TableRow::named(name, cells) }
    }
}
