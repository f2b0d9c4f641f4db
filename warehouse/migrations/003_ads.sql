-- What ads bring: the members of ad events, figures by the minute, and verdicts given later.

-- Beside a cluster's table stands one that spreads over its machines, and takes its columns from
-- it: it is made anew.
{withdrawn:events}
ALTER TABLE {table:events} {on_cluster}
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
{distributed:events:cityHash64(id)}

-- Ads by the minute, as differences: a verdict that changes later, or a conversion that is taken
-- back, is a row with negative measures. Every figure is a plain sum over rows, at any moment.
--
-- Counts may be added up over currencies, money may not.
CREATE TABLE IF NOT EXISTS {table:ad_windows} {on_cluster}
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
ENGINE = {engine:ad_windows}
PARTITION BY toYYYYMM(minute)
ORDER BY (site, toDate(minute), campaign, ad, minute)
TTL minute + toIntervalDay(retention_days) DELETE WHERE retention_days > 0
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, ttl_only_drop_parts = 0, min_bytes_for_wide_part = 268435456
COMMENT 'Ads by the minute, placement and position, as additive differences';

{distributed:ad_windows:cityHash64(site, campaign, ad, minute)}

-- The same by the search criteria under which the ad was chosen; ads chosen without are left out.
-- Group by `query_hash`: conversions know the hash alone, so their rows have no text.
CREATE TABLE IF NOT EXISTS {table:search_windows} {on_cluster}
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
ENGINE = {engine:search_windows}
PARTITION BY toYYYYMM(minute)
ORDER BY (site, toDate(minute), query_hash, campaign, ad, minute)
TTL minute + toIntervalDay(retention_days) DELETE WHERE retention_days > 0
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, ttl_only_drop_parts = 0, min_bytes_for_wide_part = 268435456
COMMENT 'Ads by the minute and search criteria, as additive differences';

{distributed:search_windows:cityHash64(site, query_hash, minute)}

-- Verdicts that replaced an event's own with hindsight. In force is the row with the largest
-- `decided_at` among those of the current rule version, else what stands in `events`. The windows
-- above have been corrected already.
CREATE TABLE IF NOT EXISTS {table:verdicts} {on_cluster}
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
ENGINE = {engine:verdicts}
PARTITION BY toYYYYMM(time)
ORDER BY (site, toDate(time), id, decided_at)
TTL toDateTime(time) + toIntervalDay(retention_days) DELETE WHERE retention_days > 0
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, ttl_only_drop_parts = 0, min_bytes_for_wide_part = 268435456
COMMENT 'Verdicts given with hindsight';

{distributed:verdicts:cityHash64(id)}
