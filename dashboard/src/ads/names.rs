//! What the catalogue says about what figures name by its id.

use std::sync::Arc;

use footfall_event::ads::{AttributionModel, CostModel};
use footfall_event::catalog::{Ad, Campaign, Catalog, Placement};
use footfall_event::money::Money;

use crate::{format, words as w};

/// How a campaign stands, as a tag says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// `good`, `flag`, `net` or nothing.
    pub(crate) class: &'static str,
    pub(crate) text: String,
}

/// The catalogue of one moment.
pub(crate) struct Names {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) zone: jiff::tz::TimeZone,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
}

impl Names {
    pub(crate) fn campaign(&self, id: &str) -> Option<&Campaign> {
        self.catalog.campaigns.get(id).map(|it| &**it)
    }

    pub(crate) fn ad(&self, id: &str) -> Option<&Ad> {
        self.catalog.ads.get(id).map(|it| &**it)
    }

    pub(crate) fn placement(&self, id: &str) -> Option<&Placement> {
        self.catalog.placements.get(id).map(|it| &**it)
    }

    /// The name that people gave, else the id.
    pub(crate) fn campaign_name(&self, id: &str) -> String {
        match self.campaign(id) {
            Some(campaign) if !campaign.name.is_empty() => campaign.name.clone(),
            _ if id.is_empty() => w::NO_CAMPAIGN.to_owned(),
            _ => id.to_owned(),
        }
    }

    /// As [`Names::campaign_name`].
    pub(crate) fn ad_name(&self, id: &str) -> String {
        match self.ad(id) {
            Some(ad) if !ad.name.is_empty() => ad.name.clone(),
            _ => id.to_owned(),
        }
    }

    /// As [`Names::campaign_name`].
    pub(crate) fn placement_name(&self, id: &str) -> String {
        match self.placement(id) {
            Some(placement) if !placement.name.is_empty() => placement.name.clone(),
            _ if id.is_empty() => w::NO_PLACEMENT.to_owned(),
            _ => id.to_owned(),
        }
    }

    /// As [`Names::campaign_name`].
    pub(crate) fn advertiser_name(&self, id: &str) -> String {
        match self.catalog.advertisers.get(id) {
            Some(advertiser) if !advertiser.name.is_empty() => advertiser.name.clone(),
            _ if id.is_empty() => w::NO_ADVERTISER.to_owned(),
            _ => id.to_owned(),
        }
    }

    /// `Steinbock · CPC €0.42`.
    pub(crate) fn campaign_facts(&self, campaign: &Campaign) -> String {
        let advertiser = match campaign.advertiser.as_str() {
            "" => None,
            id => Some(self.advertiser_name(id)),
        };
        let parts = [advertiser, self.price(campaign)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// `CPC €0.42`, by the price that holds now (or will first).
    pub(crate) fn price(&self, campaign: &Campaign) -> Option<String> {
        let price = campaign.billing(self.now).map(|billing| billing.price);
        let price = price.or(campaign.prices.first().map(|price| price.price))?;
        Some(w::price(campaign.cost_model, &money(price)))
    }

    /// `search-top · 728×90`.
    pub(crate) fn placement_facts(&self, id: &str) -> String {
        let size = self.placement(id).and_then(|placement| placement.size);
        let named = self.placement(id).is_some_and(|placement| !placement.name.is_empty());
        let size = size.map(|(width, height)| format!("{width}×{height}"));
        let parts = [named.then(|| id.to_owned()), size];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// How it stands. `spent` is what it has spent in its budget's currency, in millionths.
    pub(crate) fn state(&self, campaign: &Campaign, spent: i64) -> Tag {
        let tag = |class, text: &str| Tag { class, text: text.to_owned() };
        let day = |at: i64| format::day_month(&self.zone, at);
        if campaign.removed {
            return tag("", w::REMOVED);
        }
        if campaign.ends_at.is_some_and(|end| end <= self.now) {
            return tag("", w::ENDED);
        }
        if campaign.paused {
            return tag("flag", w::PAUSED);
        }
        if campaign.budget.is_some_and(|budget| spent >= budget.micros) {
            return tag("", w::BUDGET_USED);
        }
        match campaign.starts_at {
            Some(start) if start > self.now => Tag { class: "net", text: w::starts(&day(start)) },
            _ => tag("good", w::RUNNING),
        }
    }

    /// `12 Oct – 15 Dec 2026`, `since 12 Oct 2026`; empty when it has neither end.
    pub(crate) fn flight(&self, campaign: &Campaign) -> String {
        // The end is the first moment after the flight.
        let from = campaign.starts_at.map(|at| format::day_month_year(&self.zone, at));
        let to = campaign.ends_at.map(|at| format::day_month_year(&self.zone, at - 1));
        w::flight(from.as_deref(), to.as_deref())
    }

    /// `Click-through 30 days, view-through 1 day, last click`.
    pub(crate) fn attribution(campaign: &Campaign) -> String {
        let attribution = campaign.attribution;
        let model = match attribution.model {
            AttributionModel::Last => w::LAST_CLICK,
            AttributionModel::First => w::FIRST_CLICK,
            AttributionModel::Linear => w::LINEAR,
        };
        w::attribution(attribution.click_days, attribution.view_days, model)
    }
}

/// An amount with its currency, as short as it is exact: budgets are mostly whole.
pub(crate) fn money(money: Money) -> String {
    let text = format::money(money.micros, money.currency.as_str());
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
}

/// Whether clicks are what is paid for.
pub(crate) fn pays_clicks(campaign: &Campaign) -> bool {
    campaign.cost_model == CostModel::Cpc
}
