-- The hour of a site's first event.
SELECT toInt64(toUnixTimestamp(hour)) * 1000 AS first
FROM event_hours
WHERE site = ?
GROUP BY hour
ORDER BY hour
LIMIT 1
