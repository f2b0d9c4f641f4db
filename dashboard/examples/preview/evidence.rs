//! One click with everything that may be known about it, and the rules that judged it.

use anyhow::{Context, Result};
use footfall_dashboard::{RuleBook, Terms, Threshold};
use footfall_event::ads::{Billing, CostModel, Proof, Revision};
use footfall_event::money::{Currency, Money};
use footfall_event::record::Via;
use footfall_event::{Activity, Event, Hex64, Id, Judgement, Verdict, VerdictReason};
use footfall_warehouse::{EventBlock, VerdictBlock, Warehouse};

use super::SITE;

/// The built-in rules, read line by line: sections and keys are all that is needed here.
#[derive(Debug)]
pub(super) struct Book(Vec<Threshold>);

impl Book {
    pub(super) fn built_in() -> Book {
        let mut section = "";
        let mut out = Vec::new();
        for line in include_str!("../../../aggregator/rules.toml").lines() {
            if let Some(name) = line.strip_prefix("[thresholds.") {
                section = name.trim_end_matches(']');
            } else if let Some((key, value)) = line.split_once(" = ")
                && !section.is_empty()
                && !line.starts_with('#')
            {
                out.push(Threshold { section, key, value: value.to_owned(), meaning: "" });
            }
        }
        Book(out)
    }
}

impl RuleBook for Book {
    fn terms(&self, _site: &str, _campaign: &str) -> Terms {
        Terms { version: 2, thresholds: self.0.clone(), ..Terms::default() }
    }

    fn terms_of(&self, version: u32, site: &str, campaign: &str) -> Option<Terms> {
        (version == 2).then(|| self.terms(site, campaign))
    }
}

/// Stores a double-click among others. Its id.
pub(super) async fn fill(warehouse: &Warehouse, now: i64) -> Result<Id> {
    let at = now - 4 * 3_600_000;
    let mut story = Story { events: EventBlock::default(), at, next: 0 };
    let shown = story.add(Activity::Impression, -6_131, 1, |event| event.measurable = true)?;
    story.add(Activity::View, -5_072, 1, |event| {
        event.impression = Some(shown);
        (event.viewable_ms, event.visible_pct) = (4_800, Some(82));
    })?;
    for visitor in 1..=14 {
        story.add(Activity::Engagement, -400_000 + visitor * 7_000, visitor, |event| {
            event.engaged_ms = 4_000;
        })?;
    }
    story.click(-174_392, 2, "dry-feet", &[], |_| {})?;
    story.click(-1_310, 1, "hochkar-34", &[], |event| {
        event.impression = Some(shown);
        event.impression_at = at - 6_131;
    })?;
    let this = story.click(0, 1, "hochkar-34", &[], |event| {
        event.impression = Some(shown);
        event.impression_at = at - 6_131;
        event.url = "https://trailmarket.example/search?q=hiking+boots&size=43".into();
        event.referrer = "https://trailmarket.example/".into();
        (event.query, event.request) = ("hiking boots".into(), "rq_7f31c0a2".into());
    })?;
    story.click(77_788, 3, "oxbow-blue", &[], |_| {})?;
    let flagged = [VerdictReason::ImpressionUnknown];
    story.click(228_421, 4, "maps-install", &flagged, |event| event.proof = Proof::None)?;
    story.events.insert(warehouse, "preview/story").await?;
    let mut verdicts = VerdictBlock::default();
    let revision = Revision {
        v: footfall_event::record::VERSION,
        site: SITE.into(),
        id: this,
        time: at,
        rules: 2,
        verdict: Verdict::Invalid,
        reasons: vec![
            VerdictReason::DoubleClick,
            VerdictReason::DuplicateClick,
            VerdictReason::VisitorAdDuplicate,
        ],
        decided_at: at + 180_000,
    };
    verdicts.push(&serde_json::to_vec(&revision)?)?;
    verdicts.insert(warehouse, "preview/verdicts").await?;
    try_others(warehouse, this, at, now).await?;
    Ok(this)
}

/// What a third version of the rules would have said: much the same of every click.
async fn try_others(warehouse: &Warehouse, this: Id, at: i64, now: i64) -> Result<()> {
    let others = "INSERT INTO replays (id, site, time, rules, verdict, reasons, decided_at) \
        SELECT id, site, time, 3, multiIf(cityHash64(id) % 40 = 0 AND verdict != 'invalid', 'invalid', \
        cityHash64(id) % 60 = 1, 'valid', toString(verdict)) AS said, \
        multiIf(said = 'valid', [], said = 'invalid' AND verdict != 'invalid', ['churn'], reasons), \
        fromUnixTimestamp64Milli(toInt64(?), 'UTC') FROM events WHERE type = 'click'";
    warehouse.client().query(others).bind(now).execute().await?;
    let mut replay = VerdictBlock::of_replay();
    replay.push(&serde_json::to_vec(&Revision {
        v: footfall_event::record::VERSION,
        site: SITE.into(),
        id: this,
        time: at,
        rules: 3,
        verdict: Verdict::Invalid,
        reasons: vec![VerdictReason::DuplicateClick],
        decided_at: now + 1,
    })?)?;
    Ok(replay.insert(warehouse, "preview/replay").await?)
}

struct Story {
    events: EventBlock,
    at: i64,
    next: u128,
}

impl Story {
    fn click(
        &mut self,
        after_ms: i64,
        visitor: i64,
        ad: &'static str,
        reasons: &[VerdictReason],
        change: impl FnOnce(&mut Event<'static>),
    ) -> Result<Id> {
        let currency = Currency::parse("EUR").context("a currency")?;
        let price = Money { micros: 420_000, currency };
        let reasons = reasons.to_vec();
        self.add(Activity::Click, after_ms, visitor, |event| {
            event.ad = ad.into();
            (event.proof, event.via) = (Proof::Signed, Via::Redirect);
            event.received_at = event.time + 6;
            event.impression_at = event.time - 8_000;
            event.billing = Some(Billing { model: CostModel::Cpc, price });
            if let Some(judged) = &mut event.judged {
                judged.verdict = if reasons.is_empty() { Verdict::Valid } else { Verdict::Flagged };
                judged.reasons = reasons;
            }
            change(event);
        })
    }

    fn add(
        &mut self,
        activity: Activity,
        after_ms: i64,
        visitor: i64,
        change: impl FnOnce(&mut Event<'static>),
    ) -> Result<Id> {
        self.next += 1;
        let time = self.at + after_ms;
        let id = (time as u128) << 80 | 7 << 76 | 2 << 62 | self.next;
        let mut event = Event::new(activity, Id::from_u128(id), SITE, time);
        (event.ad, event.campaign) = ("hochkar-34".into(), "alpine-boots".into());
        (event.placement, event.position) = ("search-top".into(), 2);
        event.network = Some(Hex64(0x9f2c_0000_0000_41d7));
        event.visitor = Some(Hex64(0xc30b_0000_0000_a800 + visitor.cast_unsigned()));
        event.user_agent = "Mozilla/5.0".into();
        (event.browser, event.browser_version) = ("Firefox".into(), "145".into());
        (event.os, event.os_version) = ("Windows".into(), "11".into());
        (event.city, event.region, event.country) =
            ("Leipzig".into(), "Saxony".into(), "DE".into());
        event.timezone = "Europe/Berlin".into();
        (event.asn, event.as_organization) = (3320, "Deutsche Telekom".into());
        event.device = super::Device::Desktop;
        event.judged = Some(Judgement {
            verdict: Verdict::Valid,
            reasons: Vec::new(),
            rules: 2,
            session: None,
            new_visitor: 0,
            new_on_path: 0,
            late: false,
            marks: 0,
        });
        change(&mut event);
        self.events.push_event(&event)?;
        Ok(event.id)
    }
}
