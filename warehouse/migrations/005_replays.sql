-- What other rules would have said of clicks, from `footfall replay`: nothing is counted by it. Of a
-- version's runs the one with the largest `decided_at` holds, click by click, so that a run that broke
-- off is completed by another. Clicks that the run did not judge have no row.
CREATE TABLE IF NOT EXISTS {table:replays} {on_cluster}
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
ENGINE = {engine:replays}
PARTITION BY toYYYYMM(time)
ORDER BY (site, toDate(time), rules, id, decided_at)
TTL toDateTime(time) + toIntervalDay(retention_days) DELETE WHERE retention_days > 0
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, ttl_only_drop_parts = 0, min_bytes_for_wide_part = 268435456
COMMENT 'What other rules would have said of clicks';

{distributed:replays:cityHash64(id)}
