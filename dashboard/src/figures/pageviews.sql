-- Page views and visitors by bucket of the chart. Two parts, as in visits.sql: {source} is the
-- hourly roll-up, or the rows. A visitor counts
-- with its first activity of the UTC day.
SELECT
    bucket,
    sumIf(activities, type = 'pageview') AS pageviews,
    sum(visitors) AS visitors
FROM
(
    SELECT
        roundDown(toUnixTimestamp({time}), CAST(? AS Array(UInt32))) AS bucket,
        type,
        toInt64({count}) AS activities,
        toInt64(sum(new_visitor)) AS visitors
    FROM {source}
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND (({time} >= toDateTime(?, 'UTC') AND {time} < toDateTime(?, 'UTC'))
        OR ({time} >= toDateTime(?, 'UTC') AND {time} < toDateTime(?, 'UTC')))
    GROUP BY bucket, type
    UNION ALL
    SELECT
        roundDown(toUnixTimestamp(time), CAST(? AS Array(UInt32))) AS bucket,
        type,
        toInt64(count()) AS activities,
        toInt64(sum(new_visitor)) AS visitors
    FROM events
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
      AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
    GROUP BY bucket, type
)
GROUP BY bucket
ORDER BY bucket
