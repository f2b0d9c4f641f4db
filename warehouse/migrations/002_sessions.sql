-- Visits, as differences: a visit that grows writes what changed, and takes back what no longer
-- holds with negative measures. Every figure is a plain sum over rows, at any moment.
--
-- Net figures: `verdict != 'invalid'`. A visit belongs to the day on which it began (`start`).
CREATE TABLE IF NOT EXISTS {table:sessions} {on_cluster}
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
ENGINE = {engine:sessions}
PARTITION BY toYYYYMM(start)
ORDER BY (site, toDate(start), start, session)
TTL toDateTime(start) + toIntervalDay(retention_days) DELETE WHERE retention_days > 0
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, ttl_only_drop_parts = 0, min_bytes_for_wide_part = 268435456
COMMENT 'Visits, as additive differences';

{distributed:sessions:cityHash64(session)}
