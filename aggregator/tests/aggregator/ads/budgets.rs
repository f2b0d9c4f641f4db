//! Budgets: what is spent is known a batch later, a campaign whose budget is used up is halted, and
//! somebody hears of it once.

use footfall_aggregator::Settings;
use footfall_event::ads::performance::{CampaignState, Paused};
use footfall_event::ads::{Billing, CostModel, Performance};
use footfall_event::alert::{Alert, AlertKind};
use footfall_event::{Activity, Event, Id};

use super::clicks::{NOON, click};
use super::market::{Arrival, money};
use super::pipeline::Pipeline;
use crate::world::HOUR;

/// A click that costs 0.25 of a budget.
fn paid(n: u64, budget: i64) -> Event<'static> {
    let mut event = click(u128::from(n), n, NOON + n as i64);
    let price = money(250_000, "EUR");
    event.billing = Some(Billing { model: CostModel::Cpc, price });
    event.budget = (budget > 0).then(|| money(budget, "EUR"));
    event
}

fn send(pipeline: &mut Pipeline, event: Event<'static>, network: u64) {
    pipeline.accept(&Arrival { event, network });
    pipeline.finish();
}

fn state(pipeline: &Pipeline) -> CampaignState<'_> {
    let record = &pipeline.performance[b"campaign/c0".as_slice()];
    match serde_json::from_slice(record).unwrap() {
        Performance::Campaign(state) => state,
        other => panic!("{other:?}"),
    }
}

fn alerts(pipeline: &Pipeline) -> Vec<AlertKind> {
    let alert = |record: &Vec<u8>| serde_json::from_slice::<Alert>(record).unwrap();
    let alerts: Vec<Alert> = pipeline.alerts.iter().map(alert).collect();
    assert!(alerts.iter().all(|alert| alert.campaign == "c0" && alert.message.contains("c0")));
    alerts.iter().map(|alert| alert.kind).collect()
}

#[test]
fn a_budget_that_is_used_up_halts_its_campaign() {
    let mut pipeline = Pipeline::new(&Settings::default());
    for n in 1..=4 {
        send(&mut pipeline, paid(n, 1_250_000), n);
        let state = state(&pipeline);
        assert_eq!(state.spent, [money(250_000 * n as i64, "EUR")]);
        assert_eq!((state.paused, state.budget), (None, Some(money(1_250_000, "EUR"))));
    }
    assert_eq!(alerts(&pipeline), [AlertKind::BudgetLow], "at four fifths");
    send(&mut pipeline, paid(5, 1_250_000), 5);
    assert_eq!(state(&pipeline).paused, Some(Paused::Budget));
    send(&mut pipeline, paid(6, 1_250_000), 6);
    assert_eq!(alerts(&pipeline), [AlertKind::BudgetLow, AlertKind::BudgetUsed], "once");
    // More money lets it go on, and the new budget has alerts of its own.
    send(&mut pipeline, paid(7, 5_000_000), 7);
    assert_eq!(state(&pipeline).paused, None);
    send(&mut pipeline, paid(8, 0), 8);
    assert_eq!((state(&pipeline).budget, state(&pipeline).paused), (None, None));
    assert_eq!(alerts(&pipeline).len(), 2);
}

#[test]
fn a_click_that_was_not_to_be_paid_is_taken_back_from_the_budget() {
    let mut pipeline = Pipeline::new(&Settings::default());
    let same = Some(Id::from_u128(9));
    let later = Event { impression: same, ..paid(2, 250_000) };
    let first = Event { impression: same, time: NOON - 5, ..paid(1, 250_000) };
    send(&mut pipeline, later, 2);
    assert_eq!(state(&pipeline).paused, Some(Paused::Budget));
    // The earlier one counts instead; what is spent stays the same.
    send(&mut pipeline, first.clone(), 1);
    assert_eq!(state(&pipeline).spent, [money(250_000, "EUR")]);
    // An earlier click of that visitor makes the first one worthless: nothing is spent on it.
    let before = Event { id: Id::from_u128(70), time: NOON - 9, impression: None, ..first };
    let before = Event { billing: None, ..before };
    send(&mut pipeline, before, 1);
    // It shows when the time has come to look again.
    pipeline.end(NOON + HOUR);
    assert_eq!((state(&pipeline).spent, state(&pipeline).paused), (vec![money(0, "EUR")], None));
    assert_eq!(alerts(&pipeline), [AlertKind::BudgetUsed]);
}

#[test]
fn impressions_use_a_budget_up_by_the_thousand() {
    let mut pipeline = Pipeline::new(&Settings::default());
    for n in 1..=4_000 {
        let mut event = paid(n, 3_000);
        (event.activity, event.impression) = (Activity::Impression, None);
        event.billing = Some(Billing { model: CostModel::Cpm, price: money(1_000, "EUR") });
        pipeline.accept(&Arrival { event, network: n });
    }
    pipeline.finish();
    let state = state(&pipeline);
    assert_eq!((state.spent, state.paused), (vec![money(4_000, "EUR")], Some(Paused::Budget)));
}
