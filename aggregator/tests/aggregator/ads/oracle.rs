//! The definitions, naively: everything is there at once, nothing is late, nothing is forgotten.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use footfall_event::ads::delta::minute_of;
use footfall_event::ads::{AttributionModel, CostModel, Measures, Proof, Touch};
use footfall_event::ads::{normalised_query, query_hash};
use footfall_event::money::{Currency, Money};
use footfall_event::record::ConversionStatus;
use footfall_event::time::DAY_MS;
use footfall_event::{Activity, Event, Id, Verdict, VerdictReason};

use super::pipeline::{Figures, Window};
use crate::world::HOUR;

type Of<'a> = Vec<&'a Event<'static>>;

/// What the figures have to be.
pub(crate) fn expected<'a>(events: impl Iterator<Item = &'a Event<'static>>) -> Figures {
    let mut seen = BTreeSet::new();
    let (mut impressions, mut views, mut clicks, mut conversions): (Of, Of, Of, Of) =
        Default::default();
    for event in events.filter(|event| seen.insert((event.site.clone(), event.id))) {
        match event.activity {
            Activity::Impression => impressions.push(event),
            Activity::View => views.push(event),
            Activity::Click => clicks.push(event),
            Activity::Conversion => conversions.push(event),
            _ => {}
        }
    }
    let mut figures = Figures::default();
    for impression in &impressions {
        count_impression(impression, &mut figures);
    }
    count_views(&views, &mut figures);
    let verdicts = judge(&clicks, &impressions);
    for click in &clicks {
        let reasons = &verdicts[&(click.site.to_string(), click.id)];
        count_click(click, reasons, &mut figures);
    }
    count_conversions(&conversions, &impressions, &mut figures);
    figures.without_zeros()
}

fn invalid(reasons: &BTreeSet<VerdictReason>) -> Option<VerdictReason> {
    reasons.iter().copied().find(|reason| reason.verdict() == Verdict::Invalid)
}

fn own_reasons(event: &Event<'_>) -> BTreeSet<VerdictReason> {
    let mut reasons: BTreeSet<_> = event.found.iter().copied().collect();
    if !event.bot.is_empty() {
        reasons.insert(VerdictReason::BotAgent);
    }
    if event.activity == Activity::Click && event.proof == Proof::Expired {
        reasons.insert(VerdictReason::Expired);
    }
    reasons
}

fn is_net(event: &Event<'_>) -> bool {
    invalid(&own_reasons(event)).is_none()
}

/// Counts under an event's own members.
fn add(event: &Event<'_>, currency: Option<Currency>, measures: &Measures, to: &mut Figures) {
    let hash = query_hash(&normalised_query(&event.query)).0;
    let place = (&*event.site, &*event.campaign, &*event.ad, &*event.placement, event.position);
    add_at(event.time, place, hash, currency, measures, to);
}

fn add_at(
    time: i64,
    (site, campaign, ad, placement, position): (&str, &str, &str, &str, u16),
    query_hash: u64,
    currency: Option<Currency>,
    measures: &Measures,
    to: &mut Figures,
) {
    let currency = currency.map_or(String::new(), |currency| currency.as_str().to_owned());
    let mut window: Window = (
        minute_of(time),
        site.to_owned(),
        campaign.to_owned(),
        ad.to_owned(),
        placement.to_owned(),
        position,
        0,
        currency,
    );
    to.by_ad.entry(window.clone()).or_default().add(measures, 1);
    if query_hash != 0 {
        (window.4, window.5, window.6) = (String::new(), 0, query_hash);
        to.by_search.entry(window).or_default().add(measures, 1);
    }
}

fn count_impression(event: &Event<'_>, to: &mut Figures) {
    let net = is_net(event);
    let price =
        event.billing.filter(|billing| net && billing.model == CostModel::Cpm).map(|b| b.price);
    let measures = Measures {
        impressions: 1,
        net_impressions: i64::from(net),
        measurable: i64::from(net && event.measurable),
        cost_per_mille_micros: price.map_or(0, |price| price.micros),
        ..Measures::default()
    };
    add(event, price.map(|price| price.currency), &measures, to);
}

fn count_views(views: &Of<'_>, to: &mut Figures) {
    let mut first: BTreeMap<_, &Event<'_>> = BTreeMap::new();
    for &view in views.iter().filter(|view| is_net(view)) {
        let Some(impression) = view.impression else { continue };
        let slot = first.entry((&view.site, &view.ad, impression)).or_insert(view);
        if (view.time, view.id) < (slot.time, slot.id) {
            *slot = view;
        }
    }
    for view in first.values() {
        add(view, None, &Measures { viewable: 1, ..Measures::default() }, to);
    }
}

type Verdicts = HashMap<(String, Id), BTreeSet<VerdictReason>>;

fn judge(clicks: &Of<'_>, impressions: &Of<'_>) -> Verdicts {
    let mut shown: HashMap<(&str, &str, Id), &Event<'_>> = HashMap::new();
    for impression in impressions {
        shown.insert((&impression.site, &impression.ad, impression.id), impression);
    }
    let mut sorted = clicks.clone();
    sorted.sort_by_key(|click| (click.time, click.id));
    // A visitor's clicks on an ad, under all names that it has.
    let mut before: HashMap<(u64, &str), i64> = HashMap::new();
    let mut winners: BTreeSet<(&str, Id)> = BTreeSet::new();
    let mut verdicts = Verdicts::new();
    for click in sorted {
        let mut reasons = own_reasons(click);
        let worthless = invalid(&reasons).is_some();
        if click.proof == Proof::None {
            let known = click.impression.map(|id| {
                let found = shown.get(&(&*click.site, &*click.ad, id));
                found.is_some_and(|impression| {
                    let network = impression.network;
                    (network == click.network || network == click.previous_network)
                        && impression.time >= click.time - DAY_MS
                })
            });
            let flag = match known {
                None => Some(VerdictReason::NoImpression),
                Some(false) => Some(VerdictReason::ImpressionUnknown),
                Some(true) => None,
            };
            reasons.extend(flag);
        }
        let names = [click.visitor, click.previous_visitor];
        let last =
            names.iter().flatten().filter_map(|name| before.get(&(name.0, &*click.ad))).max();
        if last.is_some_and(|last| click.time - last <= HOUR) {
            reasons.insert(VerdictReason::VisitorAdDuplicate);
        }
        before.insert((click.visitor.unwrap().0, &click.ad), click.time);
        if let Some(impression) = click.impression.filter(|_| !worthless)
            && !winners.insert((&click.ad, impression))
        {
            reasons.insert(VerdictReason::DuplicateClick);
        }
        verdicts.insert((click.site.to_string(), click.id), reasons);
    }
    verdicts
}

fn count_click(click: &Event<'_>, reasons: &BTreeSet<VerdictReason>, to: &mut Figures) {
    let worst = reasons.iter().map(|reason| reason.verdict()).max().unwrap_or(Verdict::Valid);
    to.clicks.insert(click.id, (worst, reasons.iter().copied().collect()));
    let mut measures = Measures { clicks: 1, ..Measures::default() };
    if let Some(reason) = invalid(reasons) {
        measures.invalid_clicks.insert(reason, 1);
        return add(click, None, &measures, to);
    }
    measures.net_clicks = 1;
    let price = click.billing.filter(|billing| billing.model == CostModel::Cpc).map(|b| b.price);
    measures.cost_micros = price.map_or(0, |price| price.micros);
    add(click, price.map(|price| price.currency), &measures, to);
}

fn count_conversions(conversions: &Of<'_>, impressions: &Of<'_>, to: &mut Figures) {
    let mut of_device: HashMap<(u64, &str), Of<'_>> = HashMap::new();
    for &impression in impressions {
        if is_net(impression) && impression.view_days > 0 {
            let device = (impression.network.unwrap().0, &*impression.user_agent);
            of_device.entry(device).or_default().push(impression);
        }
    }
    let mut transactions: BTreeMap<_, Of<'_>> = BTreeMap::new();
    for conversion in conversions.iter().filter(|conversion| is_net(conversion)) {
        let lone = conversion.transaction.is_empty().then_some(conversion.id);
        let key = (&conversion.site, &conversion.goal, &conversion.transaction, lone);
        transactions.entry(key).or_default().push(conversion);
    }
    for mut of in transactions.into_values() {
        of.sort_by_key(|conversion| (conversion.time, conversion.id));
        let first = |wanted: ConversionStatus| {
            let status = |event: &Event<'_>| event.status.unwrap_or(ConversionStatus::Sale);
            of.iter().copied().find(|event| status(event) == wanted)
        };
        let lead = first(ConversionStatus::Lead);
        let counted = first(ConversionStatus::Sale).or(lead);
        let Some(counted) = counted.filter(|_| first(ConversionStatus::Rejected).is_none()) else {
            continue;
        };
        let touches = match (&counted.touches[..], lead) {
            ([], Some(lead)) => &lead.touches[..],
            (own, _) => own,
        };
        let value = counted.value.or(lead.and_then(|lead| lead.value));
        let view = last_impression(counted, &of_device)
            .or_else(|| lead.and_then(|lead| last_impression(lead, &of_device)))
            .filter(|impression| (0..=DAY_MS).contains(&(counted.time - impression.time)));
        attribute(counted.time, value, touches, view, to);
    }
}

fn last_impression<'a>(
    conversion: &Event<'_>,
    of_device: &HashMap<(u64, &str), Of<'a>>,
) -> Option<&'a Event<'static>> {
    let networks = [conversion.network.unwrap().0, conversion.previous_network.unwrap().0];
    let lists =
        networks.iter().filter_map(|network| of_device.get(&(*network, &*conversion.user_agent)));
    let fitting = lists.flatten().copied().filter(|impression| {
        impression.target == conversion.site
            && (0..=DAY_MS).contains(&(conversion.time - impression.time))
    });
    fitting.max_by_key(|impression| (impression.time, impression.id))
}

fn attribute(
    time: i64,
    value: Option<Money>,
    touches: &[Touch<'_>],
    view: Option<&Event<'_>>,
    to: &mut Figures,
) {
    let mut clicks: Vec<&Touch<'_>> =
        touches.iter().filter(|touch| touch.at <= time + 60_000).collect();
    clicks.sort_by_key(|touch| (touch.at, touch.click));
    clicks.dedup_by_key(|touch| touch.click);
    if let Some(last) = clicks.last() {
        let (model, days) = (last.attribution.model, i64::from(last.attribution.click_days));
        clicks.retain(|touch| time - touch.at <= days * DAY_MS);
        match model {
            AttributionModel::Last => drop(clicks.drain(..clicks.len().saturating_sub(1))),
            AttributionModel::First => clicks.truncate(1),
            AttributionModel::Linear => {}
        }
    }
    let parts = clicks.len();
    for (at, click) in clicks.iter().enumerate() {
        let place = (&*click.site, &*click.campaign, &*click.ad, &*click.placement, click.position);
        let conversions = Measures {
            click_conversions_micros: part(1_000_000, parts, at),
            ..Measures::default()
        };
        let price =
            click.billing.filter(|billing| billing.model == CostModel::Cpa).map(|b| b.price);
        let money = (value.map(|v| cut(v, parts, at)), price.map(|p| cut(p, parts, at)));
        pay(time, place, click.query_hash.0, conversions, money, to);
    }
    if let Some(view) = view.filter(|_| parts == 0) {
        let place = (&*view.site, &*view.campaign, &*view.ad, &*view.placement, view.position);
        let conversions = Measures { view_conversions_micros: 1_000_000, ..Measures::default() };
        let price = view.billing.filter(|billing| billing.model == CostModel::Cpa).map(|b| b.price);
        let hash = query_hash(&normalised_query(&view.query)).0;
        pay(time, place, hash, conversions, (value, price), to);
    }
}

fn part(whole: i64, of: usize, at: usize) -> i64 {
    let (of, at) = (of as i64, at as i64);
    (whole + of - 1 - at).div_euclid(of)
}

fn cut(whole: Money, of: usize, at: usize) -> Money {
    Money { micros: part(whole.micros, of, at), ..whole }
}

fn pay(
    time: i64,
    place: (&str, &str, &str, &str, u16),
    hash: u64,
    conversions: Measures,
    (revenue, cost): (Option<Money>, Option<Money>),
    to: &mut Figures,
) {
    let currency = revenue.or(cost).map(|money| money.currency);
    add_at(time, place, hash, currency, &conversions, to);
    if let Some(Money { micros, currency }) = revenue {
        let measures = Measures { revenue_micros: micros, ..Measures::default() };
        add_at(time, place, hash, Some(currency), &measures, to);
    }
    if let Some(Money { micros, currency }) = cost {
        let measures = Measures { cost_micros: micros, ..Measures::default() };
        add_at(time, place, hash, Some(currency), &measures, to);
    }
}
