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
CREATE TABLE IF NOT EXISTS {table:event_hours} {on_cluster}
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
ENGINE = {engine:event_hours:Summing}
PARTITION BY toYYYYMM(hour)
ORDER BY (site, hour, type, verdict, reason)
TTL hour + toIntervalDay(if(retention_days = 65535, 0, retention_days + 1)) DELETE WHERE retention_days < 65535
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000
COMMENT 'Events by hour';

{distributed:event_hours:cityHash64(site, hour)}

CREATE TABLE IF NOT EXISTS {table:event_days} {on_cluster}
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
ENGINE = {engine:event_days:Summing}
PARTITION BY toYYYYMM(day)
ORDER BY (site, kind, day, verdict, subject, currency)
TTL toDateTime(day) + toIntervalDay(if(retention_days = 65535, 0, retention_days + 1)) DELETE WHERE retention_days < 65535
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000
COMMENT 'Page views, searches and actions by day and what they were about';

{distributed:event_days:cityHash64(site, subject)}

CREATE TABLE IF NOT EXISTS {table:visit_hours} {on_cluster}
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
ENGINE = {engine:visit_hours:Summing}
PARTITION BY toYYYYMM(hour)
ORDER BY (site, hour, verdict)
TTL hour + toIntervalDay(if(retention_days = 65535, 0, retention_days + 1)) DELETE WHERE retention_days < 65535
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000
COMMENT 'Visits by hour';

{distributed:visit_hours:cityHash64(site, hour)}

CREATE MATERIALIZED VIEW IF NOT EXISTS {table:event_hours_view} {on_cluster} TO {table:event_hours}
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
FROM {table:events} AS rows
GROUP BY site, hour, type, verdict, reason
COMMENT 'Fills event_hours from every block of events';

CREATE MATERIALIZED VIEW IF NOT EXISTS {table:event_days_view} {on_cluster} TO {table:event_days}
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
FROM {table:events} AS rows
WHERE type IN ('pageview', 'engagement', 'search', 'action')
GROUP BY site, kind, day, verdict, subject, currency
COMMENT 'Fills event_days from every block of events';

CREATE MATERIALIZED VIEW IF NOT EXISTS {table:visit_hours_view} {on_cluster} TO {table:visit_hours}
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
FROM {table:sessions} AS rows
GROUP BY site, hour, verdict
COMMENT 'Fills visit_hours from every block of sessions';

TRUNCATE TABLE {table:event_hours} {on_cluster};

INSERT INTO {all:event_hours}
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
FROM {all:events} AS rows
GROUP BY site, hour, type, verdict, reason
SETTINGS max_partitions_per_insert_block = 1000;

TRUNCATE TABLE {table:event_days} {on_cluster};

INSERT INTO {all:event_days}
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
FROM {all:events} AS rows
WHERE type IN ('pageview', 'engagement', 'search', 'action')
GROUP BY site, kind, day, verdict, subject, currency
SETTINGS max_partitions_per_insert_block = 1000;

TRUNCATE TABLE {table:visit_hours} {on_cluster};

INSERT INTO {all:visit_hours}
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
FROM {all:sessions} AS rows
GROUP BY site, hour, verdict
SETTINGS max_partitions_per_insert_block = 1000;
