//! What a page about ads shows, as its address says it: the site's [`View`] and what ads add to it.

use footfall_event::ads::is_name;

use crate::chart::{Good, Kind};
use crate::error::Problem;
use crate::format::path_segment;
use crate::view::{View, wrong};

/// What the chart shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Clicks,
    Impressions,
    Viewable,
    Ctr,
    Conversions,
    Spend,
}

impl Measure {
    pub(crate) const ALL: [Measure; 6] = [
        Measure::Clicks,
        Measure::Impressions,
        Measure::Viewable,
        Measure::Ctr,
        Measure::Conversions,
        Measure::Spend,
    ];

    /// The word in the address.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Measure::Clicks => "clicks",
            Measure::Impressions => "impressions",
            Measure::Viewable => "viewable",
            Measure::Ctr => "ctr",
            Measure::Conversions => "conversions",
            Measure::Spend => "spend",
        }
    }

    /// How it is written. Money in `currency`.
    pub(crate) fn kind(self, currency: &str) -> Kind {
        match self {
            Measure::Clicks | Measure::Impressions => Kind::Count,
            Measure::Conversions => Kind::Ratio,
            Measure::Viewable => Kind::Share,
            Measure::Ctr => Kind::Rate,
            Measure::Spend => Kind::Money(currency.as_bytes().try_into().unwrap_or(*b"???")),
        }
    }

    /// Whether more of it is better.
    pub(crate) const fn good(self) -> Good {
        match self {
            Measure::Spend => Good::Neither,
            _ => Good::More,
        }
    }
}

/// A list about ads, and the name of its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdPanel {
    Campaigns,
    Positions,
    Removed,
    Placements,
    Criteria,
    Devices,
    Countries,
    Delay,
}

/// What the rows of the list of campaigns are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    Campaigns,
    Ads,
    Advertisers,
}

impl AdPanel {
    pub(crate) const ALL: [AdPanel; 8] = [
        AdPanel::Campaigns,
        AdPanel::Positions,
        AdPanel::Removed,
        AdPanel::Placements,
        AdPanel::Criteria,
        AdPanel::Devices,
        AdPanel::Countries,
        AdPanel::Delay,
    ];

    /// The word in the address.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            AdPanel::Campaigns => "campaigns",
            AdPanel::Positions => "positions",
            AdPanel::Removed => "removed",
            AdPanel::Placements => "placements",
            AdPanel::Criteria => "criteria",
            AdPanel::Devices => "ad-devices",
            AdPanel::Countries => "ad-countries",
            AdPanel::Delay => "time-to-click",
        }
    }

    /// The list of a word.
    pub(crate) fn parse(word: &str) -> Option<AdPanel> {
        AdPanel::ALL.into_iter().find(|panel| panel.as_str() == word)
    }
}

impl Rows {
    pub(crate) const ALL: [Rows; 3] = [Rows::Campaigns, Rows::Ads, Rows::Advertisers];

    /// The word in the address.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Rows::Campaigns => "campaigns",
            Rows::Ads => "ads",
            Rows::Advertisers => "advertisers",
        }
    }
}

/// What a page about ads shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) view: View,
    /// Only this campaign; empty: all.
    pub(crate) campaign: String,
    /// Only this ad; empty: all.
    pub(crate) ad: String,
    pub(crate) measure: Measure,
    pub(crate) rows: Rows,
    /// Rates as if every row had stood in the same positions (positions: held the same ads).
    pub(crate) same_mix: bool,
}

impl Choice {
    /// Reads what ads add to a view.
    pub(crate) fn parse(view: View, pairs: &[(String, String)]) -> Result<Choice, Problem> {
        let get = |name: &str| {
            pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
        };
        let named = |name: &str| match get(name) {
            None | Some("") => Ok(String::new()),
            Some(id) if is_name(id) => Ok(id.to_owned()),
            Some(id) => Err(wrong(name, id, "an id of letters, digits, dot, underscore and dash")),
        };
        let measure = match get("measure") {
            None => Measure::Clicks,
            Some(word) => {
                let known = || Measure::ALL.map(Measure::as_str).join(", ");
                Measure::ALL
                    .into_iter()
                    .find(|measure| measure.as_str() == word)
                    .ok_or_else(|| wrong("measure", word, &known()))?
            }
        };
        let rows = match get("campaigns") {
            None => Rows::Campaigns,
            Some(word) => Rows::ALL
                .into_iter()
                .find(|rows| rows.as_str() == word)
                .ok_or_else(|| wrong("campaigns", word, "campaigns, ads, advertisers"))?,
        };
        let same_mix = match get("rate") {
            None | Some("measured") => false,
            Some("same_mix") => true,
            Some(word) => return Err(wrong("rate", word, "measured, same_mix")),
        };
        Ok(Choice { view, campaign: named("campaign")?, ad: named("ad")?, measure, rows, same_mix })
    }

    /// All ads, with nothing chosen but what the view says.
    pub(crate) fn of_view(view: View) -> Choice {
        let (campaign, ad) = (String::new(), String::new());
        let (measure, rows) = (Measure::Clicks, Rows::Campaigns);
        Choice { view, campaign, ad, measure, rows, same_mix: false }
    }

    /// What is looked at, without how it is shown.
    pub(crate) fn subject_only(&self) -> Choice {
        let (campaign, ad) = (self.campaign.clone(), self.ad.clone());
        Choice { campaign, ad, ..Choice::of_view(self.view.clone()) }
    }

    /// The same with something else chosen.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Choice)) -> Choice {
        let mut choice = self.clone();
        choice.view.page = 1;
        change(&mut choice);
        choice
    }

    /// The address of the page: of all ads, of one campaign or of one ad.
    pub(crate) fn href(&self) -> String {
        self.href_as("")
    }

    /// The same as `.json` or `.csv`.
    pub(crate) fn href_as(&self, extension: &str) -> String {
        let site = path_segment(&self.view.site);
        let page = match (self.campaign.as_str(), self.ad.as_str()) {
            ("", "") => "ads".to_owned(),
            (campaign, "") => format!("campaigns/{campaign}"),
            (_, ad) => format!("ads/{ad}"),
        };
        format!("/sites/{site}/{page}{extension}{}", self.query(false))
    }

    /// The address of a list (`extension`: empty, `.csv` or `.json`).
    pub(crate) fn list_href(&self, panel: AdPanel, extension: &str) -> String {
        let site = path_segment(&self.view.site);
        format!("/sites/{site}/{}{extension}{}", panel.as_str(), self.query(true))
    }

    /// The address of a campaign's page, for the same period.
    pub(crate) fn campaign_href(&self, id: &str) -> String {
        self.with(|choice| (choice.campaign, choice.ad) = (id.to_owned(), String::new())).href()
    }

    /// The address of an ad's page, for the same period.
    pub(crate) fn ad_href(&self, id: &str) -> String {
        self.with(|choice| (choice.campaign, choice.ad) = (String::new(), id.to_owned())).href()
    }

    /// Only what differs from the usual, in a fixed order; ids are safe as they are.
    pub(crate) fn query(&self, scope: bool) -> String {
        let mut out = self.view.query();
        let mut add = |name: &str, value: &str| {
            out.push(if out.is_empty() { '?' } else { '&' });
            out.push_str(name);
            out.push('=');
            out.push_str(value);
        };
        for (name, id) in [("campaign", &self.campaign), ("ad", &self.ad)] {
            if scope && !id.is_empty() {
                add(name, id);
            }
        }
        if self.measure != Measure::Clicks {
            add("measure", self.measure.as_str());
        }
        if self.rows != Rows::Campaigns {
            add("campaigns", self.rows.as_str());
        }
        if self.same_mix {
            add("rate", "same_mix");
        }
        out
    }
}

#[cfg(test)]
mod tests;
