//! Which records a reader may see.

use std::borrow::Cow;
use std::sync::Arc;

use footfall_event::catalog::Catalog;
use serde::Deserialize;

/// Sites whose records are handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Everything, also what belongs to no site.
    All,
    /// These sites only.
    Sites(Vec<String>),
}

/// What a record says about where it belongs.
#[derive(Deserialize)]
struct Mark<'a> {
    #[serde(borrow, default)]
    site: Cow<'a, str>,
    #[serde(borrow, default)]
    campaign: Cow<'a, str>,
}

impl Sight {
    /// Whether a record may be handed out. What says neither its site nor its campaign, or can't be
    /// read, is for those who may see everything.
    pub(super) fn covers(&self, record: &[u8], catalog: &Arc<Catalog>) -> bool {
        let Sight::Sites(sites) = self else { return true };
        let Ok(mark) = serde_json::from_slice::<Mark<'_>>(record) else { return false };
        let site = match &*mark.site {
            "" => catalog.campaigns.get(&*mark.campaign).map(|campaign| campaign.site.as_str()),
            site => Some(site),
        };
        site.is_some_and(|site| sites.iter().any(|own| own == site))
    }
}

#[cfg(test)]
mod tests {
    use footfall_event::catalog::Entry;

    use super::*;

    #[test]
    fn only_what_belongs_to_the_site_is_seen() {
        let mut catalog = Catalog::default();
        let campaign = serde_json::json!({
            "kind": "campaign", "id": "c", "site": "a.test", "cost_model": "cpc", "created_at": 1,
        });
        let entry: Entry = serde_json::from_value(campaign.clone()).unwrap();
        catalog.apply(entry.key().as_bytes(), campaign.to_string().as_bytes()).unwrap();
        let catalog = Arc::new(catalog);
        let own = Sight::Sites(vec!["a.test".to_owned()]);
        for (record, expected) in [
            (r#"{"v":1,"site":"a.test","x":{"site":"b.test"}}"#, true),
            (r#"{"v":1,"site":"b.test","x":{"site":"a.test"}}"#, false),
            (r#"{"site":"b.test","campaign":"c"}"#, false),
            (r#"{"kind":"campaign","campaign":"c"}"#, true),
            (r#"{"kind":"campaign","campaign":"d"}"#, false),
            (r#"{"site":"a.test","site":"b.test"}"#, false),
            ("{}", false),
            ("a.test", false),
            ("", false),
        ] {
            assert_eq!(own.covers(record.as_bytes(), &catalog), expected, "{record}");
            assert!(Sight::All.covers(record.as_bytes(), &catalog));
        }
    }
}
