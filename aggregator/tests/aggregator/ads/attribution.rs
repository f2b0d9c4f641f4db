//! Conversions, one situation after the other: windows' edges, several clicks, views, money,
//! transactions. Each in the order of time and backwards.

use footfall_aggregator::Settings;
use footfall_event::ads::{Attribution, AttributionModel, Billing, CostModel, Touch};
use footfall_event::money::Money;
use footfall_event::record::ConversionStatus;
use footfall_event::time::{DAY_MS, day_of};
use footfall_event::{Activity, Event, Hex64, Id};

use super::market::{Arrival, money, network_id};
use super::pipeline::Pipeline;
use crate::world::{HOUR, MIDNIGHT, MINUTE};

const NOON: i64 = MIDNIGHT + 12 * HOUR;

/// `ad currency clicked viewed revenue cost minute`, conversions in millionths, the minute after noon.
fn run(events: &[Event<'static>]) -> Vec<String> {
    let run = |order: &mut dyn Iterator<Item = &Event<'static>>| {
        let mut pipeline = Pipeline::new(&Settings::default());
        for event in order {
            pipeline.accept(&Arrival { event: event.clone(), network: 1 });
            pipeline.finish();
        }
        pipeline.figures()
    };
    let mut backwards = run(&mut events.iter().rev());
    let mut figures = run(&mut events.iter());
    assert_eq!(figures, backwards, "the order of arrival matters");
    backwards.by_ad.clear();
    figures.by_ad.retain(|_, measures| measures.impressions == 0);
    let line = |((minute, _, _, ad, _, _, _, currency), m): (
        &super::pipeline::Window,
        &footfall_event::ads::Measures,
    )| {
        format!(
            "{ad} {currency} {} {} {} {} +{}",
            m.click_conversions_micros,
            m.view_conversions_micros,
            m.revenue_micros,
            m.cost_micros,
            (minute - NOON) / MINUTE
        )
    };
    figures.by_ad.iter().map(line).collect()
}

fn conversion(id: u128, time: i64, touches: &[Touch<'static>]) -> Event<'static> {
    let mut event = Event::new(Activity::Conversion, Id::from_u128(id), "shop.example", time);
    let day = day_of(time);
    event.network = Some(network_id(1, day));
    event.previous_network = Some(network_id(1, day - 1));
    event.user_agent = "Agent/1".into();
    event.value = Some(money(10_000_000, "EUR"));
    event.status = Some(ConversionStatus::Sale);
    event.touches = touches.to_vec();
    event
}

fn of(
    transaction: &'static str,
    status: ConversionStatus,
    event: Event<'static>,
) -> Event<'static> {
    Event { transaction: transaction.into(), status: Some(status), ..event }
}

fn clicked(ad: &'static str, at: i64, model: AttributionModel, click_days: u16) -> Touch<'static> {
    Touch {
        click: Id::from_u128(at as u128 * 100 + u128::from(ad.as_bytes()[0])),
        at,
        site: "news.example".into(),
        campaign: "c".into(),
        ad: ad.into(),
        placement: "".into(),
        position: 1,
        impression: None,
        query_hash: Hex64(0),
        billing: None,
        attribution: Attribution { model, click_days, view_days: 1 },
    }
}

fn last(ad: &'static str, at: i64) -> Touch<'static> {
    clicked(ad, at, AttributionModel::Last, 30)
}

fn cpa(micros: i64, currency: &str) -> Option<Billing> {
    Some(Billing { model: CostModel::Cpa, price: money(micros, currency) })
}

fn impression(id: u128, ad: &'static str, time: i64) -> Event<'static> {
    let mut event = Event::new(Activity::Impression, Id::from_u128(id), "news.example", time);
    event.network = Some(network_id(1, day_of(time)));
    event.user_agent = "Agent/1".into();
    (event.ad, event.campaign) = (ad.into(), "c".into());
    (event.target, event.view_days) = ("shop.example".into(), 1);
    event
}

#[test]
fn a_click_counts_within_its_window() {
    for (days, age, counts) in [
        (30, 30 * DAY_MS, true),
        (30, 30 * DAY_MS + 1, false),
        (1, DAY_MS, true),
        (1, DAY_MS + 1, false),
        (30, 0, true),
        (30, -MINUTE, true), // Clocks differ by a minute at the most.
        (30, -MINUTE - 1, false),
    ] {
        let touch = clicked("a", NOON - age, AttributionModel::Last, days);
        let expected: &[&str] = if counts { &["a EUR 1000000 0 10000000 0 +0"] } else { &[] };
        assert_eq!(run(&[conversion(1, NOON, &[touch])]), expected, "{days} days, {age} ms");
    }
}

#[test]
fn of_several_clicks_the_model_decides() {
    let three = |model| {
        [("a", 3), ("b", 2), ("c", 1)].map(|(ad, ago)| clicked(ad, NOON - ago * HOUR, model, 30))
    };
    let run = |model| run(&[conversion(1, NOON, &three(model))]);
    assert_eq!(run(AttributionModel::Last), ["c EUR 1000000 0 10000000 0 +0"]);
    assert_eq!(run(AttributionModel::First), ["a EUR 1000000 0 10000000 0 +0"]);
    assert_eq!(
        run(AttributionModel::Linear),
        [
            "a EUR 333334 0 3333334 0 +0",
            "b EUR 333333 0 3333333 0 +0",
            "c EUR 333333 0 3333333 0 +0"
        ]
    );
}

#[test]
fn the_last_clicks_campaign_says_which_model_and_window() {
    let old = clicked("a", NOON - 3 * DAY_MS, AttributionModel::Last, 30);
    let linear = clicked("b", NOON - HOUR, AttributionModel::Linear, 30);
    let short = clicked("b", NOON - HOUR, AttributionModel::Linear, 1);
    let both = ["a EUR 500000 0 5000000 0 +0", "b EUR 500000 0 5000000 0 +0"];
    assert_eq!(run(&[conversion(1, NOON, &[old.clone(), linear])]), both);
    assert_eq!(run(&[conversion(1, NOON, &[old, short])]), ["b EUR 1000000 0 10000000 0 +0"]);
    // The same click id twice is one click.
    let twice = vec![clicked("a", NOON - 1, AttributionModel::Linear, 30); 2];
    assert_eq!(run(&[conversion(1, NOON, &twice)]), ["a EUR 1000000 0 10000000 0 +0"]);
}

#[test]
fn a_view_counts_when_no_click_does() {
    let seen = |age| impression(9, "v", NOON - age);
    let viewed = ["v EUR 0 1000000 10000000 0 +0"];
    assert_eq!(run(&[seen(HOUR), conversion(1, NOON, &[])]), viewed);
    assert_eq!(run(&[seen(DAY_MS), conversion(1, NOON, &[])]), viewed);
    assert!(run(&[seen(DAY_MS + 1), conversion(1, NOON, &[])]).is_empty());
    assert!(run(&[seen(-1), conversion(1, NOON, &[])]).is_empty(), "seen after it");
    // A click wins over a later view; one outside its window does not.
    let clicked_before = last("a", NOON - 2 * HOUR);
    let won = run(&[seen(HOUR), conversion(1, NOON, &[clicked_before])]);
    assert_eq!(won, ["a EUR 1000000 0 10000000 0 +0"]);
    let too_old = last("a", NOON - 31 * DAY_MS);
    assert_eq!(run(&[seen(HOUR), conversion(1, NOON, &[too_old])]), viewed);
    // The last one counts.
    let earlier = impression(8, "u", NOON - 2 * HOUR);
    assert_eq!(run(&[earlier, seen(HOUR), conversion(1, NOON, &[])]), viewed);
}

#[test]
fn a_view_counts_for_its_own_device_destination_and_campaign() {
    let none = |change: &dyn Fn(&mut Event<'static>)| {
        let mut seen = impression(9, "v", NOON - HOUR);
        change(&mut seen);
        run(&[seen, conversion(1, NOON, &[])])
    };
    assert!(none(&|seen| seen.user_agent = "Agent/2".into()).is_empty());
    assert!(none(&|seen| seen.network = Some(network_id(4, 1))).is_empty());
    assert!(none(&|seen| seen.target = "other.example".into()).is_empty());
    assert!(none(&|seen| seen.target = "notshop.example".into()).is_empty());
    assert!(none(&|seen| seen.view_days = 0).is_empty());
    assert!(none(&|seen| seen.bot = "Examplebot".into()).is_empty());
    let viewed = ["v EUR 0 1000000 10000000 0 +0"];
    assert_eq!(none(&|seen| seen.target = "m.shop.example".into()), viewed);
    assert_eq!(none(&|seen| seen.billing = cpa(7, "EUR")), ["v EUR 0 1000000 10000000 7 +0"]);
    // Across midnight, when the network's id has changed.
    let late = MIDNIGHT - 10 * MINUTE;
    let found = run(&[impression(9, "v", late), conversion(1, MIDNIGHT + MINUTE, &[])]);
    assert_eq!(found, ["v EUR 0 1000000 10000000 0 +-719"]);
}

#[test]
fn currencies_are_kept_apart() {
    let touch = Touch { billing: cpa(2_000_000, "USD"), ..last("a", NOON - 1) };
    let found = run(&[conversion(1, NOON, std::slice::from_ref(&touch))]);
    assert_eq!(found, ["a EUR 1000000 0 10000000 0 +0", "a USD 0 0 0 2000000 +0"]);
    let free = Event { value: None, ..conversion(1, NOON, std::slice::from_ref(&touch)) };
    assert_eq!(run(&[free]), ["a USD 1000000 0 0 2000000 +0"]);
    let touch = Touch { billing: None, ..touch };
    let free = Event { value: None, ..conversion(1, NOON, &[touch]) };
    assert_eq!(run(&[free]), ["a  1000000 0 0 0 +0"]);
    // A price is shared exactly.
    let shared = [3, 2, 1].map(|ago| Touch {
        billing: cpa(100, "EUR"),
        ..clicked("a", NOON - ago, AttributionModel::Linear, 30)
    });
    assert_eq!(run(&[conversion(1, NOON, &shared)]), ["a EUR 1000000 0 10000000 100 +0"]);
}

#[test]
fn a_transaction_counts_once_as_what_it_became() {
    use ConversionStatus::{Lead, Rejected, Sale};
    let touch = [last("a", NOON - HOUR)];
    let at = |id, minutes| conversion(id, NOON + minutes * MINUTE, &touch);
    let lead = || of("t", Lead, at(1, 0));
    let sale = || of("t", Sale, at(2, 5));
    let rejected = || of("t", Rejected, at(3, 9));
    assert_eq!(run(&[lead()]), ["a EUR 1000000 0 10000000 0 +0"]);
    assert_eq!(run(&[lead(), sale()]), ["a EUR 1000000 0 10000000 0 +5"]);
    assert!(run(&[lead(), sale(), rejected()]).is_empty());
    assert!(run(&[lead(), rejected()]).is_empty());
    assert!(run(&[of("t", Rejected, at(3, -9)), sale()]).is_empty(), "rejected first");
    // A page that is loaded again reports its sale again.
    let again = || of("t", Sale, at(4, 70));
    assert_eq!(run(&[sale(), again()]), ["a EUR 1000000 0 10000000 0 +5"]);
    // Other transactions, goals and sites are others.
    let other_goal = Event { goal: "signup".into(), ..again() };
    assert_eq!(run(&[sale(), other_goal]).len(), 2);
    assert_eq!(run(&[sale(), of("u", Sale, at(4, 70))]).len(), 2);
    let other_site = Event { site: "other.example".into(), ..again() };
    assert_eq!(run(&[sale(), other_site]).len(), 2);
    // Without a transaction each is one.
    assert_eq!(run(&[at(1, 0), at(2, 1)]).len(), 2);
}

#[test]
fn a_sale_without_click_or_value_has_the_leads() {
    use ConversionStatus::{Lead, Sale};
    let lead = of("t", Lead, conversion(1, NOON, &[last("a", NOON - HOUR)]));
    // A server knows the transaction alone.
    let mut sale = of("t", Sale, conversion(2, NOON + 5 * MINUTE, &[]));
    (sale.network, sale.previous_network, sale.value) = (None, None, None);
    assert_eq!(run(&[lead.clone(), sale.clone()]), ["a EUR 1000000 0 10000000 0 +5"]);
    sale.value = Some(Money { micros: 3, ..money(3, "USD") });
    assert_eq!(run(&[lead, sale]), ["a USD 1000000 0 3 0 +5"]);
}

#[test]
fn a_conversion_needs_no_click_to_have_come_before_it() {
    // The click's record is late; the conversion's click id says everything.
    let mut click = Event::new(Activity::Click, Id::from_u128(5), "news.example", NOON - HOUR);
    (click.ad, click.campaign) = ("a".into(), "c".into());
    (click.network, click.visitor) = (Some(network_id(1, day_of(NOON))), Some(Hex64(5)));
    let mut pipeline = Pipeline::new(&Settings::default());
    let sale = conversion(1, NOON, &[last("a", NOON - HOUR)]);
    for event in [sale, click] {
        pipeline.accept(&Arrival { event, network: 1 });
        pipeline.finish();
    }
    let figures = pipeline.figures();
    let clicks: i64 = figures.by_ad.values().map(|measures| measures.net_clicks).sum();
    let conversions: i64 =
        figures.by_ad.values().map(|measures| measures.click_conversions_micros).sum();
    assert_eq!((clicks, conversions), (1, 1_000_000));
}

#[test]
fn a_bots_conversion_counts_nothing() {
    let bot = Event { bot: "Examplebot".into(), ..conversion(1, NOON, &[last("a", NOON - 1)]) };
    assert!(run(&[bot]).is_empty());
}
