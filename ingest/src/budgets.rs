//! Which campaigns have used up their budgets, by the topic `ad-performance`.
//!
//! At the start it is not waited for: a click of the first moment may count although the budget is
//! used up, which is better than no redirect.

use std::collections::HashSet;

use footfall_event::ads::Performance;
use footfall_topics::follow::Fold;

/// The ids of the campaigns that may not spend more now.
#[derive(Clone, Debug, Default)]
pub(crate) struct UsedUp(pub(crate) HashSet<String>);

impl Fold for UsedUp {
    fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        let Some(id) = key.strip_prefix(b"campaign/") else { return Ok(()) };
        let id = String::from_utf8_lossy(id);
        let paused = match serde_json::from_slice(value) {
            Ok(Performance::Campaign(state)) => state.paused.is_some(),
            _ if value.is_empty() => false,
            Ok(Performance::Ad(_)) => return Err("an ad under a campaign's key".to_owned()),
            Err(error) => return Err(error.to_string()),
        };
        if paused {
            self.0.insert(id.into_owned());
        } else {
            self.0.remove(&*id);
        }
        Ok(())
    }
}
