-- Page views and visitors by bucket of the chart, with those that net counts leave out by their
-- first reason. Two parts, as in visits.sql: {source} is the hourly roll-up, or the rows. A visitor
-- counts with its first activity of the UTC day.
SELECT
    bucket,
    invalid,
    reason,
    sumIf(activities, type = 'pageview') AS pageviews,
    sum(visitors) AS visitors
FROM
(
    SELECT
        roundDown(toUnixTimestamp({time}), CAST(? AS Array(UInt32))) AS bucket,
        verdict = 'invalid' AS invalid,
        if(invalid, toString({reason}), '') AS reason,
        type,
        toInt64({count}) AS activities,
        toInt64(sum(new_visitor)) AS visitors
    FROM {source}
    WHERE site = ?
      AND (({time} >= toDateTime(?, 'UTC') AND {time} < toDateTime(?, 'UTC'))
        OR ({time} >= toDateTime(?, 'UTC') AND {time} < toDateTime(?, 'UTC')))
    GROUP BY bucket, invalid, reason, type
    UNION ALL
    SELECT
        roundDown(toUnixTimestamp(time), CAST(? AS Array(UInt32))) AS bucket,
        verdict = 'invalid' AS invalid,
        if(invalid, toString(reasons[1]), '') AS reason,
        type,
        toInt64(count()) AS activities,
        toInt64(sum(new_visitor)) AS visitors
    FROM events
    WHERE site = ?
      AND time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
      AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
    GROUP BY bucket, invalid, reason, type
)
GROUP BY bucket, invalid, reason
ORDER BY bucket, invalid, reason
