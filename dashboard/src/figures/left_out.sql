-- Page views that net counts leave out, by their first reason: from the hourly roll-up, or from the
-- rows where days begin at another time than whole UTC hours.
SELECT
    toString({reason}) AS reason,
    toInt64({count}) AS pageviews
FROM {source}
WHERE site = ?
  AND type = 'pageview'
  AND verdict = 'invalid'
  AND {time} >= toDateTime(?, 'UTC')
  AND {time} < toDateTime(?, 'UTC')
GROUP BY reason
ORDER BY pageviews DESC, reason
LIMIT 20
