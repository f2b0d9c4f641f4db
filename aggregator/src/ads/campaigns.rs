//! What campaigns have spent, and whether their budgets are used up. There are as many as the
//! catalogue has: events of ads that it doesn't know have no campaign.

use footfall_event::Topic;
use footfall_event::ads::Measures;
use footfall_event::ads::performance::{BudgetSet, CampaignState, Paused, Performance};
use footfall_event::alert::{Alert, AlertKind};
use footfall_event::money::{Currency, Money};
use footfall_event::record;
use footfall_topics::RecordBatch;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::alerts;

/// A campaign whose budget is spent to this part gets a warning.
const LOW_PERCENT: i128 = 80;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Campaign {
    spent: Vec<Spent>,
    budget: Option<Money>,
    /// When the budget was known.
    budget_at: i64,
    /// The budgets of which was said that they are low, or used up.
    low: Option<Money>,
    used: Option<Money>,
    /// The newest event counted.
    as_of: i64,
    #[serde(skip)]
    touched: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Spent {
    currency: Currency,
    micros: i64,
    /// A thousand times as much.
    per_mille_micros: i64,
}

impl Spent {
    /// Halves go to the even neighbour.
    fn total(&self) -> i64 {
        let (whole, rest) =
            (self.per_mille_micros.div_euclid(1_000), self.per_mille_micros.rem_euclid(1_000));
        let up = rest > 500 || rest == 500 && whole % 2 != 0;
        self.micros.saturating_add(whole + i64::from(up))
    }
}

impl Campaign {
    fn spent_in(&self, currency: Currency) -> i64 {
        self.spent.iter().find(|spent| spent.currency == currency).map_or(0, Spent::total)
    }

    fn is_used_up(&self) -> bool {
        self.budget.is_some_and(|budget| self.spent_in(budget.currency) >= budget.micros)
    }

    fn state<'a>(&self, name: &'a str) -> CampaignState<'a> {
        let money = |spent: &Spent| Money { micros: spent.total(), currency: spent.currency };
        CampaignState {
            v: record::VERSION,
            campaign: name.into(),
            spent: self.spent.iter().map(money).collect(),
            budget: self.budget,
            paused: self.is_used_up().then_some(Paused::Budget),
            as_of: self.as_of,
        }
    }

    /// What has to be said now about the budget: each thing once per budget.
    fn alerts(&mut self, name: &str, clock_ms: i64) -> Vec<Alert> {
        let Some(budget) = self.budget else { return Vec::new() };
        let spent = self.spent_in(budget.currency);
        let is_low = i128::from(spent) * 100 >= i128::from(budget.micros) * LOW_PERCENT;
        let is_used = self.is_used_up();
        let mut alerts = Vec::new();
        let mut raise = |kind, message: String| {
            let occasion = format!("{} {}", budget.micros, budget.currency.as_str());
            let mut alert = Alert::new(kind, "", name, &occasion, clock_ms);
            alert.message = message;
            for (figure, micros) in [("budget_micros", budget.micros), ("spent_micros", spent)] {
                alert.details.insert(figure.to_owned(), micros.to_string());
            }
            alert.details.insert("currency".to_owned(), budget.currency.as_str().to_owned());
            alerts.push(alert);
        };
        if is_used && self.used != Some(budget) {
            (self.used, self.low) = (Some(budget), Some(budget));
            let message = format!("The budget of campaign {name} is used up: its ads are paused.");
            raise(AlertKind::BudgetUsed, message);
        } else if is_low && self.low != Some(budget) {
            self.low = Some(budget);
            let message =
                format!("Campaign {name} has spent {LOW_PERCENT} % of its budget or more.");
            raise(AlertKind::BudgetLow, message);
        }
        alerts
    }
}

/// The campaigns of one shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Campaigns {
    campaigns: HashMap<Box<str>, Campaign>,
    #[serde(skip)]
    touched: Vec<Box<str>>,
}

impl Campaigns {
    fn touch(&mut self, name: &str) -> &mut Campaign {
        if !self.campaigns.contains_key(name) {
            self.campaigns.insert(name.into(), Campaign::default());
        }
        let campaign = self.campaigns.get_mut(name).expect("it is there now");
        if !std::mem::replace(&mut campaign.touched, true) {
            self.touched.push(name.into());
        }
        campaign
    }

    /// Adds `factor` times what a difference costs.
    pub(super) fn add(
        &mut self,
        name: &str,
        (time, currency): (i64, Option<Currency>),
        (measures, factor): (&Measures, i64),
    ) {
        let costs = (measures.cost_micros, measures.cost_per_mille_micros);
        let Some(currency) = currency.filter(|_| costs != (0, 0) && !name.is_empty()) else {
            return;
        };
        let campaign = self.touch(name);
        campaign.as_of = campaign.as_of.max(time);
        let at = campaign.spent.iter().position(|spent| spent.currency == currency);
        let at = at.unwrap_or_else(|| {
            campaign.spent.push(Spent { currency, micros: 0, per_mille_micros: 0 });
            campaign.spent.len() - 1
        });
        let spent = &mut campaign.spent[at];
        spent.micros = spent.micros.saturating_add(costs.0.saturating_mul(factor));
        let per_mille = costs.1.saturating_mul(factor);
        spent.per_mille_micros = spent.per_mille_micros.saturating_add(per_mille);
    }

    /// A campaign's budget, as somebody knows it.
    pub(super) fn set_budget(&mut self, set: &BudgetSet<'_>) {
        let campaign = self.touch(&set.budget_of);
        if set.at >= campaign.budget_at {
            (campaign.budget, campaign.budget_at) = (set.budget, set.at);
        }
    }

    /// Writes the state of what changed in a batch, and alerts.
    pub(super) fn write(
        &mut self,
        clock_ms: i64,
        (shard, shards): (u32, u32),
        out: &mut RecordBatch,
    ) {
        for name in self.touched.drain(..) {
            let Some(campaign) = self.campaigns.get_mut(&name) else { continue };
            campaign.touched = false;
            for alert in campaign.alerts(&name, clock_ms) {
                for (at, key, value) in alerts::record(&alert, shards).iter() {
                    out.push(at.topic, at.number, key, value);
                }
            }
            let state = Performance::Campaign(campaign.state(&name));
            out.push_with(Topic::AdPerformance, shard, state.key().as_bytes(), |bytes| {
                serde_json::to_writer(bytes, &state).expect("a state is plain data");
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_are_rounded_half_to_even() {
        let currency = Currency::parse("EUR").unwrap();
        for (per_mille_micros, total) in
            [(499, 0), (500, 0), (501, 1), (1_500, 2), (2_500, 2), (-500, 0), (-1_500, -2)]
        {
            assert_eq!(Spent { currency, micros: 0, per_mille_micros }.total(), total);
        }
    }
}
