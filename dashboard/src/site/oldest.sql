-- The hour of a site's first event (the hourly roll-up answers it).
SELECT toInt64(toUnixTimestamp(hour)) * 1000 AS first
FROM events
WHERE site = ?
GROUP BY hour
ORDER BY hour
LIMIT 1
