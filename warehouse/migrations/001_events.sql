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
CREATE TABLE IF NOT EXISTS {table:events} {on_cluster}
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
ENGINE = {engine:events}
PARTITION BY toYYYYMM(time)
ORDER BY (site, toDate(time), type, time)
TTL toDateTime(time) + toIntervalDay(retention_days) DELETE WHERE retention_days > 0
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, ttl_only_drop_parts = 0, min_bytes_for_wide_part = 268435456
COMMENT 'Every activity, one row each, as accepted and judged';

{distributed:events:cityHash64(id)}
