CREATE DATABASE IF NOT EXISTS `footfall`;

CREATE TABLE IF NOT EXISTS `footfall`.`migrations` 
(
    version UInt32 COMMENT 'Number of the file in warehouse/migrations',
    name String COMMENT 'Its name',
    applied_at DateTime('UTC') DEFAULT now() COMMENT 'When it was applied'
)
ENGINE = MergeTree
ORDER BY version
COMMENT 'Migrations of the schema that were applied';

-- Every activity of every site, one row each, as accepted and judged. Nothing is ever updated:
-- counting rows needs neither FINAL nor de-duplication.
--
-- Net figures: `verdict != 'invalid'`. Visitors over whole UTC days: `sum(new_visitor)` (a visitor
-- id lives one UTC day); for other spans `uniqExact(visitor)` day by day. What a page asks for over
-- many days is summed up in `event_hours` and `event_days` (004_roll_ups.sql).
--
-- A repeated insert of the same block is dropped by its token: the table remembers the last
-- 10,000 blocks. Parts below 256 MiB keep all columns in one file: making and removing hundreds of
-- small files took a fifth of the engine's time.
CREATE TABLE IF NOT EXISTS `footfall`.`events` 
(
    id UUID COMMENT 'Unique per site over all types' CODEC(LZ4),
    site LowCardinality(String) COMMENT 'The registered domain',
    type Enum8('pageview' = 1, 'engagement' = 2, 'search' = 3, 'action' = 4, 'impression' = 5, 'view' = 6, 'click' = 7, 'conversion' = 8) COMMENT 'What happened',
    time DateTime64(3, 'UTC') COMMENT 'When it happened, corrected if the sender''s clock was off' CODEC(Delta, LZ4),
    received_at DateTime64(3, 'UTC') COMMENT 'When Footfall took it' CODEC(Delta, LZ4),

    verdict Enum8('valid' = 1, 'flagged' = 2, 'invalid' = 3) COMMENT 'What judging found; net figures leave out invalid',
    reasons Array(LowCardinality(String)) COMMENT 'Every reason for the verdict, in the rules'' order',
    rules UInt32 COMMENT 'Version of the rules that judged',
    late Bool COMMENT 'Came after the bounded lateness',
    session UInt64 COMMENT 'The visit it belongs to; 0 for none',
    new_visitor UInt8 COMMENT '1 for the first activity of its visitor in the UTC day: the sum is the number of visitors. Valid and invalid are counted apart',
    new_on_path UInt8 COMMENT '1 for the visitor''s first page view of the path, or first action of the name, in the UTC day: the sum is the number of visitors of the path or action',

    via LowCardinality(String) COMMENT 'How it came: script, pixel, api, redirect, import',
    network UInt64 COMMENT 'Keyed hash of the client''s address, the key rotates daily; 0 for none' CODEC(LZ4),
    visitor UInt64 COMMENT 'Keyed hash of site, address and user agent, the key rotates daily; 0 for none' CODEC(LZ4),
    account UInt64 COMMENT 'Keyed hash of the site''s own user id; 0 for none',

    url String COMMENT 'The page''s address as sent',
    host LowCardinality(String) COMMENT 'Host of the page, lower case, without www.',
    path String COMMENT 'Path of the page, without query and fragment',
    title String COMMENT 'Title of the page',
    referrer String COMMENT 'The referrer as sent',

    source LowCardinality(String) COMMENT 'Name of the source; empty is direct or unknown',
    channel LowCardinality(String) COMMENT 'Channel group of the source',
    referrer_host LowCardinality(String) COMMENT 'Host of the referrer; empty when it is the site''s own',
    utm_medium LowCardinality(String) COMMENT 'utm_medium',
    utm_campaign LowCardinality(String) COMMENT 'utm_campaign',
    utm_content LowCardinality(String) COMMENT 'utm_content',
    utm_term LowCardinality(String) COMMENT 'utm_term',
    click_id_param LowCardinality(String) COMMENT 'Name of an ad network''s click id parameter on the page''s address',

    user_agent LowCardinality(String) COMMENT 'The user agent as sent',
    browser LowCardinality(String) COMMENT 'Browser family',
    browser_version LowCardinality(String) COMMENT 'Browser version, major only',
    os LowCardinality(String) COMMENT 'Operating system family',
    os_version LowCardinality(String) COMMENT 'Operating system version',
    device LowCardinality(String) COMMENT 'Kind of device: desktop, mobile, tablet, television, unknown',
    bot LowCardinality(String) COMMENT 'Name of the bot that the user agent declares; empty for people',
    automated Bool COMMENT 'The page says that it is driven by automation',
    country LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2',
    region LowCardinality(String) COMMENT 'Name of the region',
    city LowCardinality(String) COMMENT 'Name of the city',
    asn UInt32 COMMENT 'Autonomous system number; 0 when not known',
    as_organization LowCardinality(String) COMMENT 'Organisation of the autonomous system',
    language LowCardinality(String) COMMENT 'Preferred language, BCP 47, lower case',
    screen LowCardinality(String) COMMENT 'Class of the screen''s width: xs < 576 <= sm < 768 <= md < 992 <= lg < 1200 <= xl < 1600 <= xxl',
    timezone LowCardinality(String) COMMENT 'IANA time zone of the browser',
    props Map(LowCardinality(String), String) COMMENT 'The sender''s own properties, as text',

    pageview UUID COMMENT 'Page view that an engagement completes; zero for none',
    engaged_ms UInt32 COMMENT 'Visible and focused time since the last report, milliseconds',
    scroll_pct Nullable(UInt8) COMMENT 'Deepest scroll, 0 to 100',

    query String COMMENT 'Search text as typed; on ads: the search under which the ad was chosen',
    query_normalised String COMMENT 'Search text trimmed, inner blanks made one, lower case: group by it',
    results Nullable(UInt32) COMMENT 'Number of results; null when not said',
    filters Map(LowCardinality(String), String) COMMENT 'Search filters',

    name LowCardinality(String) COMMENT 'Name of an action',
    value_micros Int64 COMMENT 'Amount in millionths of the currency unit',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amount; amounts of different currencies are never added',

    ad LowCardinality(String) COMMENT 'Ad',
    placement LowCardinality(String) COMMENT 'Placement',
    position UInt16 COMMENT 'Position on the page from 1; 0 when not said',
    request String COMMENT 'The ad server''s request id',
    impression UUID COMMENT 'Impression of a view or click; zero for none',
    viewable_ms UInt32 COMMENT 'How long the ad was viewable, milliseconds',
    visible_pct Nullable(UInt8) COMMENT 'Share of the ad''s pixels that was visible, 0 to 100',
    click String COMMENT 'Click id of a conversion',
    goal LowCardinality(String) COMMENT 'Goal of a conversion',
    transaction String COMMENT 'The advertiser''s transaction id',
    status LowCardinality(String) COMMENT 'State of a conversion: lead, sale, rejected',

    retention_days UInt16 COMMENT 'The row is deleted so many days after its time; 0 keeps it'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (site, toDate(time), type, time)
TTL toDateTime(time) + toIntervalDay(retention_days) DELETE WHERE retention_days > 0
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, ttl_only_drop_parts = 0, min_bytes_for_wide_part = 268435456
COMMENT 'Every activity, one row each, as accepted and judged';

-- Visits, as differences: a visit that grows writes what changed, and takes back what no longer
-- holds with negative measures. Every figure is a plain sum over rows, at any moment.
--
-- Net figures: `verdict != 'invalid'`. A visit belongs to the day on which it began (`start`).
CREATE TABLE IF NOT EXISTS `footfall`.`sessions` 
(
    site LowCardinality(String) COMMENT 'The registered domain',
    session UInt64 COMMENT 'The visit' CODEC(LZ4),
    visitor UInt64 COMMENT 'Its visitor' CODEC(LZ4),
    start DateTime64(3, 'UTC') COMMENT 'When the visit began' CODEC(Delta, LZ4),
    day Date MATERIALIZED toDate(start) COMMENT 'The UTC day of start: filter by it to be answered from the daily roll-ups',
    verdict Enum8('valid' = 1, 'flagged' = 2, 'invalid' = 3) COMMENT 'Verdict on the visit; net figures leave out invalid',

    host LowCardinality(String) COMMENT 'Host of the entry page',
    entry String COMMENT 'Path of the first page view; empty while there is none',
    exit String COMMENT 'Path of the last page view; empty while there is none',
    source LowCardinality(String) COMMENT 'Source of the first page view; empty is direct or unknown',
    channel LowCardinality(String) COMMENT 'Channel of the first page view',
    referrer_host LowCardinality(String) COMMENT 'Referrer''s host of the first page view',
    utm_medium LowCardinality(String) COMMENT 'utm_medium of the first page view',
    utm_campaign LowCardinality(String) COMMENT 'utm_campaign of the first page view',
    utm_content LowCardinality(String) COMMENT 'utm_content of the first page view',
    utm_term LowCardinality(String) COMMENT 'utm_term of the first page view',
    browser LowCardinality(String) COMMENT 'Browser family',
    os LowCardinality(String) COMMENT 'Operating system family',
    device LowCardinality(String) COMMENT 'Kind of device: desktop, mobile, tablet, television, unknown',
    screen LowCardinality(String) COMMENT 'Class of the screen''s width',
    language LowCardinality(String) COMMENT 'Preferred language',
    country LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2',
    region LowCardinality(String) COMMENT 'Name of the region',
    city LowCardinality(String) COMMENT 'Name of the city',

    visits Int32 COMMENT 'Visits',
    bounces Int32 COMMENT 'Visits with exactly one page view and no search or action',
    pageviews Int32 COMMENT 'Page views in visits',
    duration_ms Int64 COMMENT 'Last minus first activity of the visit, milliseconds',
    engaged_ms Int64 COMMENT 'Engaged time, milliseconds',
    visitors Int32 COMMENT 'Visitors with a visit; a visitor id lives one UTC day',
    source_visitors Int32 COMMENT 'Visitors of this source',
    channel_visitors Int32 COMMENT 'Visitors of this channel',
    campaign_visitors Int32 COMMENT 'Visitors of this utm_campaign',
    entry_visitors Int32 COMMENT 'Visitors with this entry page',
    exit_visitors Int32 COMMENT 'Visitors with this exit page',
    exits Int32 COMMENT 'Visits by exit page; the other measures are added up whatever the exit page is',

    retention_days UInt16 COMMENT 'The row is deleted so many days after its start; 0 keeps it',

    -- Roll-ups that live inside each part and answer queries on this table by themselves when the
    -- query uses only their columns. A dimension is in the key, and a measure beside it, only where
    -- a page asks for it: each makes an insert and the page slower. Totals by hour are in
    -- `visit_hours`.
    PROJECTION sources
    (
        SELECT site, day, verdict, channel, source, utm_campaign, sum(visits), sum(source_visitors), sum(channel_visitors), sum(campaign_visitors)
        GROUP BY site, day, verdict, channel, source, utm_campaign
    ),
    PROJECTION places
    (
        SELECT site, day, verdict, country, region, city, sum(visits), sum(visitors)
        GROUP BY site, day, verdict, country, region, city
    ),
    PROJECTION devices
    (
        SELECT site, day, verdict, browser, os, device, screen, language, sum(visits), sum(visitors)
        GROUP BY site, day, verdict, browser, os, device, screen, language
    ),
    PROJECTION entries
    (
        SELECT site, day, verdict, entry, sum(visits), sum(entry_visitors)
        GROUP BY site, day, verdict, entry
    ),
    PROJECTION exits
    (
        SELECT site, day, verdict, exit, sum(exits), sum(exit_visitors)
        GROUP BY site, day, verdict, exit
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(start)
ORDER BY (site, toDate(start), start, session)
TTL toDateTime(start) + toIntervalDay(retention_days) DELETE WHERE retention_days > 0
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, ttl_only_drop_parts = 0, min_bytes_for_wide_part = 268435456
COMMENT 'Visits, as additive differences';

-- What ads bring: the members of ad events, figures by the minute, and verdicts given later.

-- Beside a cluster's table stands one that spreads over its machines, and takes its columns from
-- it: it is made anew.

ALTER TABLE `footfall`.`events` 
    ADD COLUMN IF NOT EXISTS campaign LowCardinality(String) COMMENT 'The ad''s campaign; empty when the catalogue did not know the ad' AFTER ad,
    ADD COLUMN IF NOT EXISTS billing_model LowCardinality(String) COMMENT 'What the campaign pays for: cpc, cpm, cpa; empty when no price was agreed' AFTER status,
    ADD COLUMN IF NOT EXISTS price_micros Int64 COMMENT 'Price per click, per thousand impressions or per conversion at the event''s time, millionths of the unit' AFTER billing_model,
    ADD COLUMN IF NOT EXISTS price_currency LowCardinality(String) COMMENT 'ISO 4217 code of the price' AFTER price_micros,
    ADD COLUMN IF NOT EXISTS target LowCardinality(String) COMMENT 'Host of the ad''s destination, on impressions' AFTER price_currency,
    ADD COLUMN IF NOT EXISTS measurable Bool COMMENT 'Whether an impression''s viewability could be measured' AFTER target,
    ADD COLUMN IF NOT EXISTS proof LowCardinality(String) COMMENT 'How sure a click''s impression is: none, signed, expired; empty on other events' AFTER measurable,
    ADD COLUMN IF NOT EXISTS impression_at DateTime64(3, 'UTC') COMMENT 'When a click''s impression was made, by its token; zero when not known' CODEC(Delta, LZ4) AFTER proof,
    ADD COLUMN IF NOT EXISTS found Array(LowCardinality(String)) COMMENT 'What was found out when the event was accepted: the rules make reasons of it' AFTER impression_at,
    ADD COLUMN IF NOT EXISTS touches String COMMENT 'JSON: the clicks that a conversion''s verified click ids name, in the order of their time' AFTER found,
    ADD COLUMN IF NOT EXISTS view_through String COMMENT 'JSON: the impression on the same device that a conversion may belong to' AFTER touches;

-- Ads by the minute, as differences: a verdict that changes later, or a conversion that is taken
-- back, is a row with negative measures. Every figure is a plain sum over rows, at any moment.
--
-- Counts may be added up over currencies, money may not.
CREATE TABLE IF NOT EXISTS `footfall`.`ad_windows` 
(
    minute DateTime('UTC') COMMENT 'The minute in which it happened' CODEC(Delta, LZ4),
    hour DateTime('UTC') MATERIALIZED toStartOfHour(minute) COMMENT 'The UTC hour of minute: filter by it to be answered from the hourly roll-up',
    day Date MATERIALIZED toDate(minute) COMMENT 'The UTC day of minute: filter by it to be answered from the daily roll-up',
    site LowCardinality(String) COMMENT 'The site that showed the ad',
    campaign LowCardinality(String) COMMENT 'Campaign; empty when the catalogue did not know the ad',
    ad LowCardinality(String) COMMENT 'Ad',
    placement LowCardinality(String) COMMENT 'Placement; empty when not known',
    position UInt16 COMMENT 'Position on the page from 1; 0 when not known',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the money in this row; empty for none',

    impressions Int64 COMMENT 'Impressions, whatever their verdict',
    net_impressions Int64 COMMENT 'Impressions that are not invalid',
    measurable Int64 COMMENT 'Net impressions whose viewability could be measured',
    viewable Int64 COMMENT 'Net impressions that were viewable by the MRC''s rule',
    clicks Int64 COMMENT 'Clicks, whatever their verdict',
    net_clicks Int64 COMMENT 'Clicks that are not invalid',
    invalid_clicks Map(LowCardinality(String), Int64) COMMENT 'Invalid clicks by the first of their reasons: sumMap',
    click_conversions_micros Int64 COMMENT 'Conversions attributed to a click, in millionths of one',
    view_conversions_micros Int64 COMMENT 'Conversions attributed to an impression, in millionths of one',
    revenue_micros Int64 COMMENT 'What the conversions were worth, millionths of the currency''s unit',
    cost_micros Int64 COMMENT 'What net clicks (CPC) and conversions (CPA) cost, millionths of the currency''s unit',
    cost_per_mille_micros Int64 COMMENT 'Prices per thousand of net impressions, added up: a thousand times their cost',
    conversions Float64 ALIAS (click_conversions_micros + view_conversions_micros) / 1e6 COMMENT 'Conversions attributed to a click or an impression',
    revenue Float64 ALIAS revenue_micros / 1e6 COMMENT 'What the conversions were worth, in the currency''s unit',
    cost Float64 ALIAS (cost_micros + cost_per_mille_micros / 1000) / 1e6 COMMENT 'Cost, in the currency''s unit; not rounded',

    retention_days UInt16 COMMENT 'The row is deleted so many days after its minute; 0 keeps it',

    -- Roll-ups, as on events.
    PROJECTION totals
    (
        SELECT site, hour, campaign, ad, currency, sum(impressions), sum(net_impressions), sum(measurable), sum(viewable), sum(clicks), sum(net_clicks),
            sum(click_conversions_micros), sum(view_conversions_micros), sum(revenue_micros), sum(cost_micros), sum(cost_per_mille_micros)
        GROUP BY site, hour, campaign, ad, currency
    ),
    PROJECTION days
    (
        SELECT site, day, campaign, ad, placement, position, currency, sum(impressions), sum(net_impressions), sum(measurable), sum(viewable), sum(clicks), sum(net_clicks), sumMap(invalid_clicks),
            sum(click_conversions_micros), sum(view_conversions_micros), sum(revenue_micros), sum(cost_micros), sum(cost_per_mille_micros)
        GROUP BY site, day, campaign, ad, placement, position, currency
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (site, toDate(minute), campaign, ad, minute)
TTL minute + toIntervalDay(retention_days) DELETE WHERE retention_days > 0
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, ttl_only_drop_parts = 0, min_bytes_for_wide_part = 268435456
COMMENT 'Ads by the minute, placement and position, as additive differences';

-- The same by the search criteria under which the ad was chosen; ads chosen without are left out.
-- Group by `query_hash`: conversions know the hash alone, so their rows have no text.
CREATE TABLE IF NOT EXISTS `footfall`.`search_windows` 
(
    minute DateTime('UTC') COMMENT 'The minute in which it happened' CODEC(Delta, LZ4),
    day Date MATERIALIZED toDate(minute) COMMENT 'The UTC day of minute: filter by it to be answered from the daily roll-up',
    site LowCardinality(String) COMMENT 'The site that showed the ad',
    campaign LowCardinality(String) COMMENT 'Campaign; empty when the catalogue did not know the ad',
    ad LowCardinality(String) COMMENT 'Ad',
    query String COMMENT 'Search criteria, normalised; (other) beyond the cap of a day; empty on conversions: take max(query) of the hash',
    query_hash UInt64 COMMENT 'XXH3 of the normalised criteria: group by it',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the money in this row; empty for none',

    impressions Int64 COMMENT 'Impressions, whatever their verdict',
    net_impressions Int64 COMMENT 'Impressions that are not invalid',
    measurable Int64 COMMENT 'Net impressions whose viewability could be measured',
    viewable Int64 COMMENT 'Net impressions that were viewable by the MRC''s rule',
    clicks Int64 COMMENT 'Clicks, whatever their verdict',
    net_clicks Int64 COMMENT 'Clicks that are not invalid',
    invalid_clicks Map(LowCardinality(String), Int64) COMMENT 'Invalid clicks by the first of their reasons: sumMap',
    click_conversions_micros Int64 COMMENT 'Conversions attributed to a click, in millionths of one',
    view_conversions_micros Int64 COMMENT 'Conversions attributed to an impression, in millionths of one',
    revenue_micros Int64 COMMENT 'What the conversions were worth, millionths of the currency''s unit',
    cost_micros Int64 COMMENT 'What net clicks (CPC) and conversions (CPA) cost, millionths of the currency''s unit',
    cost_per_mille_micros Int64 COMMENT 'Prices per thousand of net impressions, added up: a thousand times their cost',
    conversions Float64 ALIAS (click_conversions_micros + view_conversions_micros) / 1e6 COMMENT 'Conversions attributed to a click or an impression',
    revenue Float64 ALIAS revenue_micros / 1e6 COMMENT 'What the conversions were worth, in the currency''s unit',
    cost Float64 ALIAS (cost_micros + cost_per_mille_micros / 1000) / 1e6 COMMENT 'Cost, in the currency''s unit; not rounded',

    retention_days UInt16 COMMENT 'The row is deleted so many days after its minute; 0 keeps it',

    PROJECTION days
    (
        SELECT site, day, campaign, ad, query_hash, max(query), currency, sum(impressions), sum(net_impressions), sum(measurable), sum(viewable), sum(clicks), sum(net_clicks),
            sum(click_conversions_micros), sum(view_conversions_micros), sum(revenue_micros), sum(cost_micros), sum(cost_per_mille_micros)
        GROUP BY site, day, campaign, ad, query_hash, currency
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (site, toDate(minute), query_hash, campaign, ad, minute)
TTL minute + toIntervalDay(retention_days) DELETE WHERE retention_days > 0
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, ttl_only_drop_parts = 0, min_bytes_for_wide_part = 268435456
COMMENT 'Ads by the minute and search criteria, as additive differences';

-- Verdicts that replaced an event's own with hindsight. In force is the row with the largest
-- `decided_at` among those of the current rule version, else what stands in `events`. The windows
-- above have been corrected already.
CREATE TABLE IF NOT EXISTS `footfall`.`verdicts` 
(
    id UUID COMMENT 'The event' CODEC(LZ4),
    site LowCardinality(String) COMMENT 'Its site',
    time DateTime64(3, 'UTC') COMMENT 'When it happened' CODEC(Delta, LZ4),
    rules UInt32 COMMENT 'Version of the rules that judged',
    verdict Enum8('valid' = 1, 'flagged' = 2, 'invalid' = 3) COMMENT 'The verdict from now on',
    reasons Array(LowCardinality(String)) COMMENT 'Every reason for it, in the rules'' order',
    decided_at DateTime64(3, 'UTC') COMMENT 'When it was decided; of an event''s verdicts the later one has the larger time' CODEC(Delta, LZ4),

    retention_days UInt16 COMMENT 'The row is deleted so many days after the event''s time; 0 keeps it'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (site, toDate(time), id, decided_at)
TTL toDateTime(time) + toIntervalDay(retention_days) DELETE WHERE retention_days > 0
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, ttl_only_drop_parts = 0, min_bytes_for_wide_part = 268435456
COMMENT 'Verdicts given with hindsight';

-- What the pages ask for over many days, summed up: small tables of plain sums, which ClickHouse
-- fills from every block that is inserted and goes on adding up in the background. A page over
-- millions of events reads some hundred thousand rows of them at the most.
--
-- Rows of one key may be several at any moment: always `sum` and `GROUP BY`. A block that is inserted
-- again with its token is dropped here, too, and a block whose insert broke off between the rows
-- and the roll-ups is completed by its repetition. Net figures: `verdict != 'invalid'`.
--
-- What was stored before is added up once, here; no loader may run meanwhile. A repetition of this
-- file begins with empty tables again.
CREATE TABLE IF NOT EXISTS `footfall`.`event_hours` 
(
    site LowCardinality(String) COMMENT 'The registered domain',
    hour DateTime('UTC') COMMENT 'The UTC hour of the events'' time: every time zone of whole hours is served',
    type Enum8('pageview' = 1, 'engagement' = 2, 'search' = 3, 'action' = 4, 'impression' = 5, 'view' = 6, 'click' = 7, 'conversion' = 8) COMMENT 'What happened',
    verdict Enum8('valid' = 1, 'flagged' = 2, 'invalid' = 3) COMMENT 'What judging found',
    reason LowCardinality(String) COMMENT 'The first reason for the verdict; empty for none',
    events Int64 COMMENT 'Events',
    new_visitor Int64 COMMENT 'Visitors, each with its first activity of the UTC day',
    retention_days SimpleAggregateFunction(max, UInt16) COMMENT 'The row is deleted so many days after the time it stands for; 65535 keeps it'
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (site, hour, type, verdict, reason)
TTL hour + toIntervalDay(if(retention_days = 65535, 0, retention_days + 1)) DELETE WHERE retention_days < 65535
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000
COMMENT 'Events by hour';

CREATE TABLE IF NOT EXISTS `footfall`.`event_days` 
(
    site LowCardinality(String) COMMENT 'The registered domain',
    kind Enum8('page' = 1, 'search' = 3, 'action' = 4) COMMENT 'What subject names: page views and engagements belong to a page',
    day Date COMMENT 'The UTC day of the events'' time',
    verdict Enum8('valid' = 1, 'flagged' = 2, 'invalid' = 3) COMMENT 'What judging found',
    subject String COMMENT 'Path of a page, normalised text of a search, name of an action',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of value_micros; amounts of different currencies are never added',
    events Int64 COMMENT 'Page views, searches, actions (not engagements)',
    visitors Int64 COMMENT 'Visitors of a page, or with an action; 0 for searches',
    engaged_ms Int64 COMMENT 'Visible and focused time, milliseconds',
    without_result Int64 COMMENT 'Searches that found nothing',
    value_micros Int64 COMMENT 'Value of actions in millionths of the currency unit',
    retention_days SimpleAggregateFunction(max, UInt16) COMMENT 'The row is deleted so many days after the time it stands for; 65535 keeps it'
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (site, kind, day, verdict, subject, currency)
TTL toDateTime(day) + toIntervalDay(if(retention_days = 65535, 0, retention_days + 1)) DELETE WHERE retention_days < 65535
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000
COMMENT 'Page views, searches and actions by day and what they were about';

CREATE TABLE IF NOT EXISTS `footfall`.`visit_hours` 
(
    site LowCardinality(String) COMMENT 'The registered domain',
    hour DateTime('UTC') COMMENT 'The UTC hour in which the visits began',
    verdict Enum8('valid' = 1, 'flagged' = 2, 'invalid' = 3) COMMENT 'Verdict on the visits',
    visits Int64 COMMENT 'Visits',
    bounces Int64 COMMENT 'Visits with exactly one page view and no search or action',
    pageviews Int64 COMMENT 'Page views in visits',
    duration_ms Int64 COMMENT 'Last minus first activity of each visit, milliseconds',
    retention_days SimpleAggregateFunction(max, UInt16) COMMENT 'The row is deleted so many days after the time it stands for; 65535 keeps it'
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (site, hour, verdict)
TTL hour + toIntervalDay(if(retention_days = 65535, 0, retention_days + 1)) DELETE WHERE retention_days < 65535
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000
COMMENT 'Visits by hour';

CREATE MATERIALIZED VIEW IF NOT EXISTS `footfall`.`event_hours_view`  TO `footfall`.`event_hours`
AS
SELECT
    site,
    toStartOfHour(time) AS hour,
    type,
    verdict,
    reasons[1] AS reason,
    count() AS events,
    sum(rows.new_visitor) AS new_visitor,
    toUInt16(max(if(rows.retention_days = 0, 65535, rows.retention_days))) AS retention_days
FROM `footfall`.`events` AS rows
GROUP BY site, hour, type, verdict, reason
COMMENT 'Fills event_hours from every block of events';

CREATE MATERIALIZED VIEW IF NOT EXISTS `footfall`.`event_days_view`  TO `footfall`.`event_days`
AS
SELECT
    site,
    CAST(if(type = 'engagement', 1, toInt8(type)) AS Enum8('page' = 1, 'search' = 3, 'action' = 4)) AS kind,
    toDate(time) AS day,
    verdict,
    multiIf(type = 'search', query_normalised, type = 'action', toString(name), path) AS subject,
    currency,
    countIf(type != 'engagement') AS events,
    sum(new_on_path) AS visitors,
    sum(rows.engaged_ms) AS engaged_ms,
    countIf(results = 0) AS without_result,
    sum(rows.value_micros) AS value_micros,
    toUInt16(max(if(rows.retention_days = 0, 65535, rows.retention_days))) AS retention_days
FROM `footfall`.`events` AS rows
WHERE type IN ('pageview', 'engagement', 'search', 'action')
GROUP BY site, kind, day, verdict, subject, currency
COMMENT 'Fills event_days from every block of events';

CREATE MATERIALIZED VIEW IF NOT EXISTS `footfall`.`visit_hours_view`  TO `footfall`.`visit_hours`
AS
SELECT
    site,
    toStartOfHour(start) AS hour,
    verdict,
    sum(rows.visits) AS visits,
    sum(rows.bounces) AS bounces,
    sum(rows.pageviews) AS pageviews,
    sum(rows.duration_ms) AS duration_ms,
    toUInt16(max(if(rows.retention_days = 0, 65535, rows.retention_days))) AS retention_days
FROM `footfall`.`sessions` AS rows
GROUP BY site, hour, verdict
COMMENT 'Fills visit_hours from every block of sessions';

TRUNCATE TABLE `footfall`.`event_hours` ;

INSERT INTO `footfall`.`event_hours`
(site, hour, type, verdict, reason, events, new_visitor, retention_days)
SELECT
    site,
    toStartOfHour(time) AS hour,
    type,
    verdict,
    reasons[1] AS reason,
    count() AS events,
    sum(rows.new_visitor) AS new_visitor,
    toUInt16(max(if(rows.retention_days = 0, 65535, rows.retention_days))) AS retention_days
FROM `footfall`.`events` AS rows
GROUP BY site, hour, type, verdict, reason
SETTINGS max_partitions_per_insert_block = 1000;

TRUNCATE TABLE `footfall`.`event_days` ;

INSERT INTO `footfall`.`event_days`
(site, kind, day, verdict, subject, currency, events, visitors, engaged_ms, without_result, value_micros, retention_days)
SELECT
    site,
    CAST(if(type = 'engagement', 1, toInt8(type)) AS Enum8('page' = 1, 'search' = 3, 'action' = 4)) AS kind,
    toDate(time) AS day,
    verdict,
    multiIf(type = 'search', query_normalised, type = 'action', toString(name), path) AS subject,
    currency,
    countIf(type != 'engagement') AS events,
    sum(new_on_path) AS visitors,
    sum(rows.engaged_ms) AS engaged_ms,
    countIf(results = 0) AS without_result,
    sum(rows.value_micros) AS value_micros,
    toUInt16(max(if(rows.retention_days = 0, 65535, rows.retention_days))) AS retention_days
FROM `footfall`.`events` AS rows
WHERE type IN ('pageview', 'engagement', 'search', 'action')
GROUP BY site, kind, day, verdict, subject, currency
SETTINGS max_partitions_per_insert_block = 1000;

TRUNCATE TABLE `footfall`.`visit_hours` ;

INSERT INTO `footfall`.`visit_hours`
(site, hour, verdict, visits, bounces, pageviews, duration_ms, retention_days)
SELECT
    site,
    toStartOfHour(start) AS hour,
    verdict,
    sum(rows.visits) AS visits,
    sum(rows.bounces) AS bounces,
    sum(rows.pageviews) AS pageviews,
    sum(rows.duration_ms) AS duration_ms,
    toUInt16(max(if(rows.retention_days = 0, 65535, rows.retention_days))) AS retention_days
FROM `footfall`.`sessions` AS rows
GROUP BY site, hour, verdict
SETTINGS max_partitions_per_insert_block = 1000;

-- What other rules would have said of clicks, from `footfall replay`: nothing is counted by it. Of a
-- version's runs the one with the largest `decided_at` holds, click by click, so that a run that broke
-- off is completed by another. Clicks that the run did not judge have no row.
CREATE TABLE IF NOT EXISTS `footfall`.`replays` 
(
    id UUID COMMENT 'The click' CODEC(LZ4),
    site LowCardinality(String) COMMENT 'Its site',
    time DateTime64(3, 'UTC') COMMENT 'When it happened' CODEC(Delta, LZ4),
    rules UInt32 COMMENT 'Version of the rules that were tried',
    verdict Enum8('valid' = 1, 'flagged' = 2, 'invalid' = 3) COMMENT 'The verdict by these rules, hindsight included',
    reasons Array(LowCardinality(String)) COMMENT 'Every reason for it, in the rules'' order',
    decided_at DateTime64(3, 'UTC') COMMENT 'When the run began' CODEC(Delta, LZ4),

    retention_days UInt16 COMMENT 'The row is deleted so many days after the click''s time; 0 keeps it'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (site, toDate(time), rules, id, decided_at)
TTL toDateTime(time) + toIntervalDay(retention_days) DELETE WHERE retention_days > 0
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, ttl_only_drop_parts = 0, min_bytes_for_wide_part = 268435456
COMMENT 'What other rules would have said of clicks';

