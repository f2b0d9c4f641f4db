-- Page views that net counts leave out, by their first reason (the hourly roll-up answers it
-- where days begin at whole UTC hours: {time} is `hour` there).
SELECT
    toString(reasons[1]) AS reason,
    toInt64(count()) AS pageviews
FROM events
WHERE site = ?
  AND type = 'pageview'
  AND verdict = 'invalid'
  AND {time} >= toDateTime(?, 'UTC')
  AND {time} < toDateTime(?, 'UTC')
GROUP BY reasons[1]
ORDER BY pageviews DESC, reason
LIMIT 20
