//! Rows of the table `events`.

use footfall_event::ads::normalised_query;
use footfall_event::record::{ConversionStatus, Event, Judgement, PropValue};
use footfall_event::{Activity, Verdict};
use uuid::Uuid;

use crate::block::Block;
use crate::error::RecordError;
use crate::native::{Column, Nullables, Numbers, Texts, columns};
use crate::words::{Maps, WordLists, Words};

columns! {
    /// The columns of `events`, as in migrations/001_events.sql and 003_ads.sql.
    EventColumns {
        id: Numbers<Uuid> = "UUID",
        site: Words = "LowCardinality(String)",
        r#type: Numbers<i8> = "Enum8('pageview' = 1, 'engagement' = 2, 'search' = 3, 'action' = 4, 'impression' = 5, 'view' = 6, 'click' = 7, 'conversion' = 8)",
        time: Numbers<i64> = "DateTime64(3, 'UTC')",
        received_at: Numbers<i64> = "DateTime64(3, 'UTC')",
        verdict: Numbers<i8> = "Enum8('valid' = 1, 'flagged' = 2, 'invalid' = 3)",
        reasons: WordLists = "Array(LowCardinality(String))",
        rules: Numbers<u32> = "UInt32",
        late: Numbers<bool> = "Bool",
        session: Numbers<u64> = "UInt64",
        new_visitor: Numbers<u8> = "UInt8",
        new_on_path: Numbers<u8> = "UInt8",
        via: Words = "LowCardinality(String)",
        network: Numbers<u64> = "UInt64",
        visitor: Numbers<u64> = "UInt64",
        account: Numbers<u64> = "UInt64",
        url: Texts = "String",
        host: Words = "LowCardinality(String)",
        path: Texts = "String",
        title: Texts = "String",
        referrer: Texts = "String",
        source: Words = "LowCardinality(String)",
        channel: Words = "LowCardinality(String)",
        referrer_host: Words = "LowCardinality(String)",
        utm_medium: Words = "LowCardinality(String)",
        utm_campaign: Words = "LowCardinality(String)",
        utm_content: Words = "LowCardinality(String)",
        utm_term: Words = "LowCardinality(String)",
        click_id_param: Words = "LowCardinality(String)",
        user_agent: Words = "LowCardinality(String)",
        browser: Words = "LowCardinality(String)",
        browser_version: Words = "LowCardinality(String)",
        os: Words = "LowCardinality(String)",
        os_version: Words = "LowCardinality(String)",
        device: Words = "LowCardinality(String)",
        bot: Words = "LowCardinality(String)",
        automated: Numbers<bool> = "Bool",
        country: Words = "LowCardinality(String)",
        region: Words = "LowCardinality(String)",
        city: Words = "LowCardinality(String)",
        asn: Numbers<u32> = "UInt32",
        as_organization: Words = "LowCardinality(String)",
        language: Words = "LowCardinality(String)",
        screen: Words = "LowCardinality(String)",
        timezone: Words = "LowCardinality(String)",
        props: Maps = "Map(LowCardinality(String), String)",
        pageview: Numbers<Uuid> = "UUID",
        engaged_ms: Numbers<u32> = "UInt32",
        scroll_pct: Nullables<u8> = "Nullable(UInt8)",
        query: Texts = "String",
        query_normalised: Texts = "String",
        results: Nullables<u32> = "Nullable(UInt32)",
        filters: Maps = "Map(LowCardinality(String), String)",
        name: Words = "LowCardinality(String)",
        value_micros: Numbers<i64> = "Int64",
        currency: Words = "LowCardinality(String)",
        ad: Words = "LowCardinality(String)",
        campaign: Words = "LowCardinality(String)",
        placement: Words = "LowCardinality(String)",
        position: Numbers<u16> = "UInt16",
        request: Texts = "String",
        impression: Numbers<Uuid> = "UUID",
        viewable_ms: Numbers<u32> = "UInt32",
        visible_pct: Nullables<u8> = "Nullable(UInt8)",
        click: Texts = "String",
        goal: Words = "LowCardinality(String)",
        transaction: Texts = "String",
        status: Words = "LowCardinality(String)",
        billing_model: Words = "LowCardinality(String)",
        price_micros: Numbers<i64> = "Int64",
        price_currency: Words = "LowCardinality(String)",
        target: Words = "LowCardinality(String)",
        measurable: Numbers<bool> = "Bool",
        proof: Words = "LowCardinality(String)",
        impression_at: Numbers<i64> = "DateTime64(3, 'UTC')",
        found: WordLists = "Array(LowCardinality(String))",
        touches: Texts = "String",
        view_through: Texts = "String",
        retention_days: Numbers<u16> = "UInt16",
    }
}

/// Judged events on their way to the table `events`.
pub type EventBlock = Block<EventColumns>;

impl Default for EventBlock {
    fn default() -> EventBlock {
        Block::into_table("events")
    }
}

impl EventBlock {
    /// Adds the row of a judged record's bytes.
    ///
    /// # Errors
    /// When the bytes are not a judged record, or the block is full. The block is unchanged then.
    pub fn push(&mut self, record_json: &[u8]) -> Result<(), RecordError> {
        self.push_event(&Event::from_json(record_json)?)
    }

    /// Adds the row of a judged event.
    ///
    /// # Errors
    /// When the event was not judged, or the block is full. The block is unchanged then.
    pub fn push_event(&mut self, event: &Event<'_>) -> Result<(), RecordError> {
        let judged = event.judged.as_ref().ok_or(RecordError::NotJudged)?;
        self.has_room(1)?;
        let row = self.rows;
        self.set_judgement(row, judged);
        self.set_visit(row, event);
        self.set_agent(row, event);
        self.set_activity(row, event);
        self.set_ad(row, event);
        self.columns.retention_days.set(row, self.retention_days);
        self.rows += 1;
        self.made = None;
        Ok(())
    }

    fn set_judgement(&mut self, row: usize, judged: &Judgement) {
        let to = &mut self.columns;
        to.verdict.set(row, verdict_number(judged.verdict));
        to.reasons.set(row, judged.reasons.iter().map(|reason| reason.as_str()));
        to.rules.set(row, judged.rules);
        to.late.set(row, judged.late);
        to.session.set(row, judged.session.map_or(0, |id| id.0));
        to.new_visitor.set(row, judged.new_visitor);
        to.new_on_path.set(row, judged.new_on_path);
    }

    fn set_visit(&mut self, row: usize, event: &Event<'_>) {
        let to = &mut self.columns;
        to.id.set(row, event.id);
        to.site.set(row, &event.site);
        to.r#type.set(row, activity_number(event.activity));
        to.time.set(row, event.time);
        to.received_at.set(row, event.received_at);
        to.via.set(row, event.via.as_str());
        to.network.set(row, event.network.map_or(0, |id| id.0));
        to.visitor.set(row, event.visitor.map_or(0, |id| id.0));
        to.account.set(row, event.account.map_or(0, |id| id.0));
        to.url.set(row, &event.url);
        to.host.set(row, &event.host);
        to.path.set(row, &event.path);
        to.title.set(row, &event.title);
        to.referrer.set(row, &event.referrer);
        to.source.set(row, &event.source);
        to.channel.set(row, &event.channel);
        to.referrer_host.set(row, &event.referrer_host);
        to.utm_medium.set(row, &event.utm_medium);
        to.utm_campaign.set(row, &event.utm_campaign);
        to.utm_content.set(row, &event.utm_content);
        to.utm_term.set(row, &event.utm_term);
        to.click_id_param.set(row, &event.click_id_param);
    }

    fn set_agent(&mut self, row: usize, event: &Event<'_>) {
        let to = &mut self.columns;
        to.user_agent.set(row, &event.user_agent);
        to.browser.set(row, &event.browser);
        to.browser_version.set(row, &event.browser_version);
        to.os.set(row, &event.os);
        to.os_version.set(row, &event.os_version);
        to.device.set(row, event.device.as_str());
        to.bot.set(row, &event.bot);
        to.automated.set(row, event.automated);
        to.country.set(row, &event.country);
        to.region.set(row, &event.region);
        to.city.set(row, &event.city);
        to.asn.set(row, event.asn);
        to.as_organization.set(row, &event.as_organization);
        to.language.set(row, &event.language);
        to.screen.set(row, &event.screen);
        to.timezone.set(row, &event.timezone);
    }

    fn set_activity(&mut self, row: usize, event: &Event<'_>) {
        let to = &mut self.columns;
        for (key, value) in &event.props {
            match value {
                PropValue::Text(text) => to.props.add(row, key, text),
                PropValue::Bool(true) => to.props.add(row, key, "true"),
                PropValue::Bool(false) => to.props.add(row, key, "false"),
                PropValue::Number(number) => to.props.add(row, key, &number.to_string()),
            }
        }
        for (key, value) in &event.filters {
            to.filters.add(row, key, value);
        }
        to.pageview.set(row, event.pageview.unwrap_or_default());
        to.engaged_ms.set(row, event.engaged_ms);
        to.scroll_pct.set(row, event.scroll_pct);
        if !event.query.is_empty() {
            to.query.set(row, &event.query);
            to.query_normalised.set(row, &normalised_query(&event.query));
        }
        to.results.set(row, event.results);
        to.name.set(row, &event.name);
        if let Some(value) = event.value {
            to.value_micros.set(row, value.micros);
            to.currency.set(row, value.currency.as_str());
        }
    }

    fn set_ad(&mut self, row: usize, event: &Event<'_>) {
        let to = &mut self.columns;
        to.ad.set(row, &event.ad);
        to.placement.set(row, &event.placement);
        to.position.set(row, event.position);
        to.request.set(row, &event.request);
        to.impression.set(row, event.impression.unwrap_or_default());
        to.viewable_ms.set(row, event.viewable_ms);
        to.visible_pct.set(row, event.visible_pct);
        to.click.set(row, &event.click);
        to.goal.set(row, &event.goal);
        to.transaction.set(row, &event.transaction);
        to.status.set(row, event.status.map_or("", ConversionStatus::as_str));
        to.campaign.set(row, &event.campaign);
        if let Some(billing) = event.billing {
            to.billing_model.set(row, billing.model.as_str());
            to.price_micros.set(row, billing.price.micros);
            to.price_currency.set(row, billing.price.currency.as_str());
        }
        to.target.set(row, &event.target);
        to.measurable.set(row, event.measurable);
        if event.activity == Activity::Click {
            to.proof.set(row, event.proof.as_str());
        }
        to.impression_at.set(row, event.impression_at);
        to.found.set(row, event.found.iter().map(|reason| reason.as_str()));
        if !event.touches.is_empty() {
            to.touches.set(row, &json(&event.touches));
        }
        if let Some(impression) = &event.view_through {
            to.view_through.set(row, &json(impression));
        }
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a touch has only text keys")
}

/// The verdict's number in the schema's Enum8.
pub(crate) fn verdict_number(verdict: Verdict) -> i8 {
    match verdict {
        Verdict::Valid => 1,
        Verdict::Flagged => 2,
        Verdict::Invalid => 3,
    }
}

fn activity_number(activity: Activity) -> i8 {
    match activity {
        Activity::Pageview => 1,
        Activity::Engagement => 2,
        Activity::Search => 3,
        Activity::Action => 4,
        Activity::Impression => 5,
        Activity::View => 6,
        Activity::Click => 7,
        Activity::Conversion => 8,
    }
}
