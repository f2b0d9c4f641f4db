-- Page views that net counts leave out, by their first reason.
SELECT
    toString(reasons[1]) AS reason,
    toInt64(count()) AS pageviews
FROM events
WHERE site = ?
  AND type = 'pageview'
  AND verdict = 'invalid'
  AND time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
GROUP BY reason
ORDER BY pageviews DESC, reason
LIMIT 20
