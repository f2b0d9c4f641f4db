-- Page views by bucket of the chart. Two parts, as in visits.sql.
SELECT
    bucket,
    sum(pageviews) AS pageviews
FROM
(
    SELECT
        roundDown(toUnixTimestamp({time}), CAST(? AS Array(UInt32))) AS bucket,
        toInt64(count()) AS pageviews
    FROM events
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND type = 'pageview'
      AND (({time} >= toDateTime(?, 'UTC') AND {time} < toDateTime(?, 'UTC'))
        OR ({time} >= toDateTime(?, 'UTC') AND {time} < toDateTime(?, 'UTC')))
    GROUP BY bucket
    UNION ALL
    SELECT
        roundDown(toUnixTimestamp(time), CAST(? AS Array(UInt32))) AS bucket,
        toInt64(count()) AS pageviews
    FROM events
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND type = 'pageview'
      AND time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
      AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
    GROUP BY bucket
)
GROUP BY bucket
ORDER BY bucket
