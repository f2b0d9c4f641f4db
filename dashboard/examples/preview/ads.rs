//! Made-up ads: a catalogue, windows for each hour, and the events behind an ad's audience.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use footfall_event::ads::{
    AdDelta, Attribution, Billing, CostModel, Measures, Proof, normalised_query, query_hash,
};
use footfall_event::catalog::{Ad, Advertiser, Campaign, Entry, Placement, Price};
use footfall_event::money::{Currency, Money};
use footfall_event::{Activity, Event, Hex64, Id, Judgement, Verdict, VerdictReason};
use footfall_topics::catalog::CatalogView;
use footfall_warehouse::{EventBlock, Warehouse, WindowBlock};

use super::{DAY_MS, DAYS, Dice, PLACES, QUERIES, SITE};

/// Id, advertiser, name, price in cents, model, budget, share of invalid clicks in percent.
const CAMPAIGNS: [(&str, &str, &str, i64, CostModel, i64, u64); 6] = [
    ("alpine-boots", "Steinbock", "Alpine boots, autumn", 42, CostModel::Cpc, 44_000, 12),
    ("trail-maps", "Contour Maps", "Trail maps app, installs", 320, CostModel::Cpa, 2_400, 42),
    (
        "kestrel-tents",
        "Kestrel Outdoor",
        "Kestrel ultralight tents — summer clearance, rest of the stock",
        55,
        CostModel::Cpc,
        12_000,
        7,
    ),
    ("rainwear", "Oxbow", "Oxbow rainwear", 38, CostModel::Cpc, 16_000, 6),
    ("harvest", "Tirol Events", "Harvest festival, Tyrol", 410, CostModel::Cpm, 17_500, 5),
    ("ski-touring", "Firn", "Ski touring preview", 48, CostModel::Cpc, 2_000, 0),
];
/// Id, campaign, name, clicks in 10,000 impressions.
const ADS: [(&str, &str, &str, u64); 8] = [
    ("hochkar-34", "alpine-boots", "Hochkar GTX, three-quarter view", 190),
    ("dry-feet", "alpine-boots", "“Dry feet since 1921”", 140),
    ("hochkar-sole", "alpine-boots", "Hochkar GTX, sole", 120),
    ("maps-install", "trail-maps", "Every path, offline", 90),
    ("kestrel-1", "kestrel-tents", "Under one kilo", 230),
    ("oxbow-blue", "rainwear", "Oxbow, blue", 150),
    ("oxbow-red", "rainwear", "Oxbow, red", 130),
    ("harvest-1", "harvest", "Come and taste", 80),
];
const PLACEMENTS: [(&str, &str, (u16, u16)); 5] = [
    ("search-top", "Search results, row 1", (728, 90)),
    ("guide-side", "Guide, beside the text", (300, 600)),
    ("search-inline", "Search results, between rows", (300, 250)),
    (
        "home-page-lower-third-behind-the-fold-for-visitors-who-scroll-01",
        "Home page, lower third — below the fold, for visitors who scroll all the way down",
        (970, 250),
    ),
    ("forum-under-the-first-answer-in-threads-with-more-than-ten-replies", "", (300, 250)),
];

fn euro(cents: i64) -> Result<Money> {
    let currency = Currency::parse("EUR").context("a currency")?;
    Ok(Money { micros: cents * 10_000, currency })
}

/// Registers advertisers, campaigns, ads and placements.
pub(super) async fn register(catalog: &CatalogView, now: i64) -> Result<()> {
    for (id, advertiser, name, cents, model, budget, _) in CAMPAIGNS {
        let created_at = now - 70 * DAY_MS;
        let advertiser_id = advertiser.to_lowercase().replace(' ', "-");
        catalog
            .put(&Entry::Advertiser(Advertiser {
                id: advertiser_id.clone(),
                name: advertiser.into(),
                removed: false,
                created_at,
            }))
            .await?;
        let starts_at = if id == "ski-touring" { now + 10 * DAY_MS } else { now - 40 * DAY_MS };
        catalog
            .put(&Entry::Campaign(Campaign {
                id: id.into(),
                site: SITE.into(),
                advertiser: advertiser_id,
                name: name.into(),
                starts_at: Some(starts_at),
                ends_at: Some(now + 24 * DAY_MS),
                cost_model: model,
                prices: vec![Price { from: 0, price: euro(cents)? }],
                budget: Some(euro(budget * 100)?),
                attribution: Attribution::default(),
                paused: false,
                removed: false,
                created_at,
            }))
            .await?;
    }
    for (id, campaign, name, _) in ADS {
        catalog
            .put(&Entry::Ad(Ad {
                id: id.into(),
                campaign: campaign.into(),
                name: name.into(),
                destination: format!("https://shop.example/{campaign}?utm_content={{ad}}"),
                paused: false,
                removed: false,
                created_at: now,
            }))
            .await?;
    }
    for (id, name, size) in PLACEMENTS {
        catalog
            .put(&Entry::Placement(Placement {
                id: id.into(),
                site: SITE.into(),
                name: name.into(),
                size: Some(size),
                positions: Some(8),
                removed: false,
                created_at: now,
            }))
            .await?;
    }
    Ok(())
}

/// Windows of every third hour, and clicks.
pub(super) async fn fill(warehouse: &Warehouse, now: i64) -> Result<()> {
    let mut dice = Dice(11);
    for day in (0..DAYS).rev() {
        let (mut by_ad, mut by_search) = (WindowBlock::by_ad(), WindowBlock::by_search());
        let mut events = EventBlock::default();
        let start = now.div_euclid(DAY_MS) * DAY_MS - day * DAY_MS;
        for hour in (0..24).step_by(3) {
            let minute = start + hour * 3_600_000;
            if minute >= now || day > 40 {
                continue;
            }
            for ad in ADS {
                for position in 1..=8 {
                    let delta = one_window(&mut dice, minute, ad, position, day)?;
                    by_ad.push_delta(&delta)?;
                    clicks(&mut dice, &mut events, &delta)?;
                    if position <= 2 {
                        by_search.push_delta(&with_query(&mut dice, delta))?;
                    }
                }
            }
        }
        if !by_ad.is_empty() {
            by_ad.insert(warehouse, &format!("preview/ads/{day}")).await?;
            by_search.insert(warehouse, &format!("preview/searches/{day}")).await?;
            events.insert(warehouse, &format!("preview/clicks/{day}")).await?;
        }
    }
    Ok(())
}

fn one_window(
    dice: &mut Dice,
    minute: i64,
    (ad, campaign, _, rate): (&'static str, &'static str, &'static str, u64),
    position: u16,
    day: i64,
) -> Result<AdDelta<'static>> {
    let found = CAMPAIGNS.iter().find(|known| known.0 == campaign).context("a campaign")?;
    let (cents, model, mut invalid) = (found.3, found.4, found.6);
    if campaign == "trail-maps" && day > 11 {
        invalid = 6;
    }
    let impressions = 2_400 / u64::from(position) + dice.roll(400);
    let clicks = impressions * rate * 2 / u64::from(position + 1) / 10_000 + dice.roll(2);
    let removed = clicks * invalid / 100 + u64::from(dice.roll(100) < invalid);
    let removed = removed.min(clicks) as i64;
    let (net_impressions, net_clicks) = (impressions as i64 * 98 / 100, clicks as i64 - removed);
    let conversions = if dice.roll(100) < net_clicks as u64 * 4 { 1_000_000 } else { 0 };
    let placement = PLACEMENTS[(usize::from(position) + ad.len()) % PLACEMENTS.len()].0;
    let reason = match dice.roll(4) {
        0 => VerdictReason::BotAgent,
        1 => VerdictReason::VisitorAdDuplicate,
        _ => VerdictReason::DuplicateClick,
    };
    let measures = Measures {
        impressions: impressions as i64,
        net_impressions,
        measurable: net_impressions * 95 / 100,
        viewable: net_impressions * (70 - 5 * i64::from(position)) / 100,
        clicks: clicks as i64,
        net_clicks,
        invalid_clicks: BTreeMap::from([(reason, removed)]),
        click_conversions_micros: conversions,
        revenue_micros: conversions * 59,
        cost_micros: match model {
            CostModel::Cpc => net_clicks * cents * 10_000,
            CostModel::Cpa => conversions * cents / 100,
            CostModel::Cpm => 0,
        },
        cost_per_mille_micros: match model {
            CostModel::Cpm => net_impressions * cents * 10_000,
            _ => 0,
        },
        ..Measures::default()
    };
    Ok(AdDelta {
        v: footfall_event::record::VERSION,
        minute,
        site: SITE.into(),
        campaign: campaign.into(),
        ad: ad.into(),
        placement: placement.into(),
        position: if position == 8 { 0 } else { position },
        query: "".into(),
        query_hash: query_hash(""),
        currency: Currency::parse("EUR"),
        measures,
    })
}

fn with_query(dice: &mut Dice, mut delta: AdDelta<'static>) -> AdDelta<'static> {
    let query = normalised_query(dice.pick(&QUERIES));
    delta.query_hash = query_hash(&query);
    (delta.query, delta.placement, delta.position) = (query.into(), "".into(), 0);
    delta
}

/// The clicks of a window, one by one.
fn clicks(dice: &mut Dice, events: &mut EventBlock, delta: &AdDelta<'static>) -> Result<()> {
    let campaign = CAMPAIGNS.iter().find(|known| known.0 == delta.campaign).context("known")?;
    let mut removed = delta.measures.invalid_clicks.iter();
    let reason = removed.next().map_or(VerdictReason::DuplicateClick, |(reason, _)| *reason);
    for number in 0..delta.measures.clicks {
        let id = Id::from_u128(u128::from(dice.roll(u64::MAX >> 31)) << 64 | number as u128);
        let time = delta.minute + number * 7_100;
        let mut event = Event::new(Activity::Click, id, SITE, time);
        event.visitor = Some(Hex64(dice.roll(1 << 30)));
        event.network = Some(Hex64(dice.roll(400) + 1));
        event.user_agent = "Mozilla/5.0".into();
        (event.browser, event.browser_version) = ("Firefox".into(), "145".into());
        (event.os, event.timezone) = ("Windows".into(), "Europe/Berlin".into());
        (event.asn, event.as_organization) = (3320, "Deutsche Telekom".into());
        (event.ad, event.campaign) = (delta.ad.clone(), delta.campaign.clone());
        (event.placement, event.position) = (delta.placement.clone(), delta.position);
        event.country = dice.pick(&PLACES).0.into();
        event.device = dice.pick(&[super::Device::Mobile, super::Device::Desktop]);
        let delay = [700, 3_000, 9_000, 20_000, 60_000, 400_000][dice.roll(6) as usize];
        event.impression_at = event.time - delay;
        (event.proof, event.impression) = (Proof::Signed, Some(Id::from_u128(id.as_u128() ^ 1)));
        event.billing = Some(Billing { model: campaign.4, price: euro(campaign.3)? });
        let reasons = match number {
            number if number >= delta.measures.net_clicks => vec![reason],
            _ if dice.roll(40) == 0 => {
                (event.proof, event.impression) = (Proof::None, None);
                event.impression_at = 0;
                vec![VerdictReason::NoImpression]
            }
            _ if delay == 700 => vec![VerdictReason::FastClick],
            _ => Vec::new(),
        };
        let worst = reasons.iter().map(|reason| reason.verdict()).max();
        event.judged = Some(Judgement {
            verdict: worst.unwrap_or(Verdict::Valid),
            reasons,
            rules: 2,
            session: None,
            new_visitor: 0,
            new_on_path: 0,
            late: false,
            marks: 0,
        });
        events.push_event(&event)?;
    }
    Ok(())
}
