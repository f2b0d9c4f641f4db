-- Visits by bucket of the chart, in the period and its comparison.
-- The first part reads whole hours, which the roll-up has ({source} and {time} are `visit_hours` and
-- `hour`; in time zones that are off by half an hour the rows and `start`); the second the rest of
-- the hour in which a comparison ends, because it counts up to the same minute as now.
SELECT
    bucket,
    sum(visits) AS visits,
    sum(bounces) AS bounces,
    sum(pageviews) AS pageviews,
    sum(duration_ms) AS duration_ms
FROM
(
    SELECT
        roundDown(toUnixTimestamp({time}), CAST(? AS Array(UInt32))) AS bucket,
        toInt64(sum(visits)) AS visits,
        toInt64(sum(bounces)) AS bounces,
        toInt64(sum(pageviews)) AS pageviews,
        toInt64(sum(duration_ms)) AS duration_ms
    FROM {source}
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND (({time} >= toDateTime(?, 'UTC') AND {time} < toDateTime(?, 'UTC'))
        OR ({time} >= toDateTime(?, 'UTC') AND {time} < toDateTime(?, 'UTC')))
    GROUP BY bucket
    UNION ALL
    SELECT
        roundDown(toUnixTimestamp(start), CAST(? AS Array(UInt32))) AS bucket,
        toInt64(sum(visits)) AS visits,
        toInt64(sum(bounces)) AS bounces,
        toInt64(sum(pageviews)) AS pageviews,
        toInt64(sum(duration_ms)) AS duration_ms
    FROM sessions
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND start >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
      AND start < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
    GROUP BY bucket
)
GROUP BY bucket
ORDER BY bucket
