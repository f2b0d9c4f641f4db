//! What stands above the figures of a page about ads: where it is, what it is about, how it stands.

use super::budget::{self, Spent};
use super::choice::Choice;
use super::lists::ListRow;
use super::load::Lists;
use super::names::{Names, Tag};
use crate::query::Failure;
use crate::words as w;

/// What stands above the figures.
pub(super) struct Heading {
    /// The pages above: name and address.
    pub(super) crumbs: Vec<(String, String)>,
    pub(super) title: String,
    pub(super) tag: Option<Tag>,
    pub(super) facts: Vec<String>,
}

/// Makes it from the catalogue.
pub(super) fn heading(
    choice: &Choice,
    names: &Names,
    lists: &Lists,
    spent: Option<&Spent>,
) -> Heading {
    let all = choice.with(|choice| {
        choice.campaign.clear();
        choice.ad.clear();
    });
    let ads = (w::ADS.to_owned(), all.href());
    let unknown = Tag { class: "flag", text: w::NOT_IN_CATALOGUE.to_owned() };
    match (choice.campaign.as_str(), choice.ad.as_str()) {
        ("", "") => {
            Heading { crumbs: Vec::new(), title: w::ADS.to_owned(), tag: None, facts: Vec::new() }
        }
        (id, "") => {
            let campaign = names.campaign(id);
            let count = |rows: &Result<Vec<ListRow>, Failure>| {
                rows.as_ref().ok().and_then(|rows| rows.first()).map_or(0, |row| row.rows)
            };
            let mut facts = vec![w::parts(count(&lists.rows), count(&lists.placements))];
            if let Some(campaign) = campaign {
                facts.push(names.campaign_facts(campaign));
                facts.push(names.flight(campaign));
                facts.push(Names::attribution(campaign));
            }
            facts.retain(|fact| !fact.is_empty());
            let state = |campaign| names.state(campaign, budget::spent_of(spent, campaign));
            let tag = campaign.map(state);
            let title = names.campaign_name(id);
            Heading { crumbs: vec![ads], title, tag: Some(tag.unwrap_or(unknown)), facts }
        }
        (_, id) => {
            let ad = names.ad(id);
            let mut crumbs = vec![ads];
            let mut facts = Vec::new();
            if let Some(ad) = ad {
                crumbs
                    .push((names.campaign_name(&ad.campaign), choice.campaign_href(&ad.campaign)));
                facts.push(ad.destination.clone());
            }
            let tag = match ad {
                None => Some(unknown),
                Some(ad) if ad.removed => Some(Tag { class: "", text: w::REMOVED.to_owned() }),
                Some(ad) if ad.paused => Some(Tag { class: "flag", text: w::PAUSED.to_owned() }),
                Some(ad) => names
                    .campaign(&ad.campaign)
                    .map(|campaign| names.state(campaign, budget::spent_of(spent, campaign))),
            };
            Heading { crumbs, title: names.ad_name(id), tag, facts }
        }
    }
}
