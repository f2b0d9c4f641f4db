//! Campaigns: flight, prices, budget, attribution.

use serde::Deserialize;

use super::placement::site_of;
use super::{EditError, amount, check_id, currency, moment, name, shown};
use crate::ads::{Attribution, AttributionModel, CostModel};
use crate::catalog::{Campaign, Catalog, Price};
use crate::money::{Currency, Money};

/// Prices in the history of a campaign, at the most.
const PRICES_MAX: usize = 1_000;
/// A price per event or thousand, in currency units, at the most.
const PRICE_UNITS_MAX: i64 = 1_000_000;
/// A budget in currency units, at the most.
const BUDGET_UNITS_MAX: i64 = 1_000_000_000;
/// The longest window of attribution.
const CLICK_DAYS_MAX: u16 = 365;

/// What a campaign shall be.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CampaignRequest {
    /// The publisher's site whose pages report about it.
    pub site: Option<String>,
    /// Whose it is; empty: nobody's.
    pub advertiser: Option<String>,
    /// Name for people.
    pub name: Option<String>,
    /// First moment of its flight; empty: at once.
    pub starts_at: Option<String>,
    /// First moment after its flight; empty: never.
    pub ends_at: Option<String>,
    /// What is paid for. Can't be changed once there is a price.
    pub cost_model: Option<CostModel>,
    /// Per click, per thousand impressions or per conversion. The first price holds from the
    /// beginning, a later one from `price_from` on.
    pub price: Option<String>,
    /// Of price and budget. Can't be changed once there is either.
    pub currency: Option<String>,
    /// From when on the price holds; absent: now.
    pub price_from: Option<String>,
    /// What may be spent in all; empty: no end.
    pub budget: Option<String>,
    /// Which of several clicks a conversion belongs to.
    pub attribution: Option<AttributionModel>,
    /// A click counts for so many days.
    pub click_days: Option<u16>,
    /// An impression counts for so many days (0 or 1).
    pub view_days: Option<u16>,
    /// Halted by hand.
    pub paused: Option<bool>,
}

impl CampaignRequest {
    /// The entry. One that had been removed is there again. Its prices are a history: what was
    /// agreed before stays.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn apply(
        self,
        id: &str,
        known: Option<&Campaign>,
        catalog: &Catalog,
        now_ms: i64,
    ) -> Result<Campaign, EditError> {
        check_id(id)?;
        let mut campaign = match known {
            Some(known) => known.clone(),
            None => new(id, now_ms),
        };
        campaign.removed = false;
        let site = self.site.clone().or_else(|| known.map(|known| known.site.clone()));
        campaign.site = site_of(site, "a new campaign needs one", catalog)?;
        self.advertiser(&mut campaign, catalog)?;
        campaign.name = name(self.name.clone(), &campaign.name)?;
        self.flight(&mut campaign)?;
        self.money(&mut campaign, now_ms)?;
        self.attribute(&mut campaign)?;
        campaign.paused = self.paused.unwrap_or(campaign.paused);
        Ok(campaign)
    }

    fn advertiser(&self, campaign: &mut Campaign, catalog: &Catalog) -> Result<(), EditError> {
        let Some(advertiser) = &self.advertiser else { return Ok(()) };
        let exists = catalog.advertisers.get(advertiser).is_some_and(|known| !known.removed);
        if !advertiser.is_empty() && !exists {
            let advertiser = shown(advertiser);
            let problem = format!(
                "there is no advertiser {advertiser:?}: add it first with `footfall advertiser add`"
            );
            return Err(EditError::new("advertiser", problem));
        }
        campaign.advertiser.clone_from(advertiser);
        Ok(())
    }

    fn flight(&self, campaign: &mut Campaign) -> Result<(), EditError> {
        if let Some(text) = &self.starts_at {
            campaign.starts_at = moment("starts_at", text)?;
        }
        if let Some(text) = &self.ends_at {
            campaign.ends_at = moment("ends_at", text)?;
        }
        if let (Some(start), Some(end)) = (campaign.starts_at, campaign.ends_at)
            && end <= start
        {
            return Err(EditError::new("ends_at", "it is not after starts_at"));
        }
        Ok(())
    }

    fn money(&self, campaign: &mut Campaign, now_ms: i64) -> Result<(), EditError> {
        let agreed = campaign.prices.first().map(|price| price.price.currency);
        let agreed = agreed.or(campaign.budget.map(|budget| budget.currency));
        if let Some(model) = self.cost_model {
            if model != campaign.cost_model && !campaign.prices.is_empty() {
                let problem = "it can't be changed once there is a price: begin a new campaign";
                return Err(EditError::new("cost_model", problem));
            }
            campaign.cost_model = model;
        }
        let asked = self.currency.as_deref().map(currency).transpose()?;
        if let (Some(agreed), Some(asked)) = (agreed, asked)
            && agreed != asked
        {
            let problem = format!(
                "the campaign is in {}: another currency needs a new campaign",
                agreed.as_str()
            );
            return Err(EditError::new("currency", problem));
        }
        let currency = || {
            let problem = "it is missing: a price or a budget needs one, such as EUR";
            asked.or(agreed).ok_or_else(|| EditError::new("currency", problem))
        };
        match &self.price {
            Some(text) => self.price(campaign, text, currency()?, now_ms)?,
            None if self.price_from.is_some() => {
                let problem = "it says from when on a price holds: give the price, too";
                return Err(EditError::new("price_from", problem));
            }
            None => {}
        }
        match self.budget.as_deref() {
            None => {}
            Some("") => campaign.budget = None,
            Some(text) => {
                let micros = amount("budget", text, BUDGET_UNITS_MAX)?;
                campaign.budget = Some(Money { micros, currency: currency()? });
            }
        }
        Ok(())
    }

    fn price(
        &self,
        campaign: &mut Campaign,
        text: &str,
        currency: Currency,
        now_ms: i64,
    ) -> Result<(), EditError> {
        let price = Money { micros: amount("price", text, PRICE_UNITS_MAX)?, currency };
        let from = match &self.price_from {
            Some(text) => moment("price_from", text)?,
            None => None,
        };
        // The price that is valid now, given again, is no new one.
        if from.is_none() && campaign.billing(now_ms).is_some_and(|now| now.price == price) {
            return Ok(());
        }
        let first = if campaign.prices.is_empty() { 0 } else { now_ms };
        let from = from.unwrap_or(first);
        campaign.prices.retain(|known| known.from != from);
        if campaign.prices.len() >= PRICES_MAX {
            let problem = format!("the campaign has {PRICES_MAX} prices already: begin a new one");
            return Err(EditError::new("price", problem));
        }
        campaign.prices.push(Price { from, price });
        campaign.prices.sort_by_key(|price| price.from);
        Ok(())
    }

    fn attribute(&self, campaign: &mut Campaign) -> Result<(), EditError> {
        let attribution = &mut campaign.attribution;
        attribution.model = self.attribution.unwrap_or(attribution.model);
        if let Some(days) = self.click_days {
            if days > CLICK_DAYS_MAX {
                let problem = format!("{days}: expected 0 to {CLICK_DAYS_MAX}");
                return Err(EditError::new("click_days", problem));
            }
            attribution.click_days = days;
        }
        if let Some(days) = self.view_days {
            if days > 1 {
                let problem =
                    format!("{days}: expected 0 or 1, since no device is known for longer");
                return Err(EditError::new("view_days", problem));
            }
            attribution.view_days = days;
        }
        Ok(())
    }
}

fn new(id: &str, now_ms: i64) -> Campaign {
    Campaign {
        id: id.to_owned(),
        site: String::new(),
        advertiser: String::new(),
        name: String::new(),
        starts_at: None,
        ends_at: None,
        cost_model: CostModel::Cpc,
        prices: Vec::new(),
        budget: None,
        attribution: Attribution::default(),
        paused: false,
        removed: false,
        created_at: now_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Entry, Site};

    fn catalog() -> Catalog {
        let mut catalog = Catalog::default();
        let site = Site { domain: "news.example".into(), ..Site::default() };
        catalog.apply_entry(Entry::Site(site));
        catalog
    }

    fn request(json: &str) -> CampaignRequest {
        serde_json::from_str(json).unwrap()
    }

    fn apply(json: &str, known: Option<&Campaign>, now_ms: i64) -> Result<Campaign, EditError> {
        request(json).apply("winter", known, &catalog(), now_ms)
    }

    #[test]
    fn prices_are_a_history() {
        let json = r#"{"site":"news.example","price":"0.25","currency":"eur","budget":"100"}"#;
        let first = apply(json, None, 1_000).unwrap();
        let cents = |campaign: &Campaign, at| campaign.billing(at).unwrap().price.micros / 10_000;
        assert_eq!((cents(&first, 0), first.budget.unwrap().micros), (25, 100_000_000));
        assert_eq!(apply(r#"{"price":"0.25"}"#, Some(&first), 2_000).unwrap(), first);
        let second = apply(r#"{"price":"0.30"}"#, Some(&first), 2_000).unwrap();
        let from = r#"{"price":"0.50","price_from":"1970-01-01T00:00:01.5Z"}"#;
        let third = apply(from, Some(&second), 3_000).unwrap();
        let prices = [1_499, 1_500, 1_999, 2_000].map(|at| cents(&third, at));
        assert_eq!(prices, [25, 50, 50, 30]);
        let open = apply(r#"{"budget":""}"#, Some(&third), 4_000).unwrap();
        assert_eq!((open.budget, open.prices), (None, third.prices.clone()));
    }

    #[test]
    fn what_can_not_be_right_is_said() {
        let known = apply(r#"{"site":"news.example","price":"1","currency":"EUR"}"#, None, 0);
        let known = known.unwrap();
        for (json, known, field) in [
            ("{}", None, "site"),
            (r#"{"site":"nowhere.example"}"#, None, "site"),
            (r#"{"advertiser":"nobody"}"#, Some(&known), "advertiser"),
            (r#"{"starts_at":"2026-11-21"}"#, Some(&known), "starts_at"),
            (
                r#"{"starts_at":"2026-11-21T10:00:00Z","ends_at":"2026-11-21T11:00:00+01:00"}"#,
                Some(&known),
                "ends_at",
            ),
            (r#"{"cost_model":"cpm"}"#, Some(&known), "cost_model"),
            (r#"{"currency":"USD"}"#, Some(&known), "currency"),
            (r#"{"site":"news.example","price":"1"}"#, None, "currency"),
            (r#"{"price":"-1"}"#, Some(&known), "price"),
            (r#"{"price":"1,5"}"#, Some(&known), "price"),
            (r#"{"price":"0.0000001"}"#, Some(&known), "price"),
            (r#"{"price_from":"2026-11-21T10:00:00Z"}"#, Some(&known), "price_from"),
            (r#"{"budget":"10000000000"}"#, Some(&known), "budget"),
            (r#"{"view_days":2}"#, Some(&known), "view_days"),
            (r#"{"click_days":366}"#, Some(&known), "click_days"),
            (r#"{"name":"a\u0000"}"#, Some(&known), "name"),
        ] {
            let error = apply(json, known, 0).unwrap_err();
            assert_eq!(error.field, field, "{json}: {error}");
        }
        for id in ["", "a b", "..", "a/b", "ü"] {
            assert_eq!(
                request("{}").apply(id, Some(&known), &catalog(), 0).unwrap_err().field,
                "id"
            );
        }
        assert!(serde_json::from_str::<CampaignRequest>(r#"{"prise":"1"}"#).is_err());
    }
}
