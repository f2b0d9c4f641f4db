//! Advertisers and ads.

use serde::Deserialize;

use super::{EditError, check_id, name, shown};
use crate::ads::destination;
use crate::catalog::{Ad, Advertiser, Catalog};

/// What an advertiser shall be.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdvertiserRequest {
    /// Name for people.
    pub name: Option<String>,
}

impl AdvertiserRequest {
    /// The entry. One that had been removed is there again.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn apply(
        self,
        id: &str,
        known: Option<&Advertiser>,
        now_ms: i64,
    ) -> Result<Advertiser, EditError> {
        check_id(id)?;
        Ok(Advertiser {
            id: id.to_owned(),
            name: name(self.name, known.map_or("", |known| &known.name))?,
            removed: false,
            created_at: known.map_or(now_ms, |known| known.created_at),
        })
    }
}

/// What an ad shall be.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdRequest {
    /// Its campaign's id.
    pub campaign: Option<String>,
    /// Name for people.
    pub name: Option<String>,
    /// Where a click leads.
    pub destination: Option<String>,
    /// Halted by hand.
    pub paused: Option<bool>,
}

impl AdRequest {
    /// The entry. One that had been removed is there again.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn apply(
        self,
        id: &str,
        known: Option<&Ad>,
        catalog: &Catalog,
        now_ms: i64,
    ) -> Result<Ad, EditError> {
        check_id(id)?;
        let campaign = self.campaign.or_else(|| known.map(|known| known.campaign.clone()));
        let campaign = campaign
            .ok_or_else(|| EditError::new("campaign", "it is missing: a new ad needs one"))?;
        if catalog.campaigns.get(&campaign).is_none_or(|campaign| campaign.removed) {
            let campaign = shown(&campaign);
            let problem = format!(
                "there is no campaign {campaign:?}: add it first with `footfall campaign add`"
            );
            return Err(EditError::new("campaign", problem));
        }
        let destination = self.destination.or_else(|| known.map(|known| known.destination.clone()));
        let destination = destination.unwrap_or_default();
        destination::check(&destination)
            .map_err(|error| EditError::new("destination", error.to_string()))?;
        Ok(Ad {
            id: id.to_owned(),
            campaign,
            name: name(self.name, known.map_or("", |known| &known.name))?,
            destination,
            paused: self.paused.unwrap_or_else(|| known.is_some_and(|known| known.paused)),
            removed: false,
            created_at: known.map_or(now_ms, |known| known.created_at),
        })
    }
}
