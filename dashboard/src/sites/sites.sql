-- Net visitors by site and hour.
SELECT
    toString(site) AS site,
    toUnixTimestamp(hour) AS hour,
    toInt64(sum(new_visitor)) AS visitors
FROM event_hours
WHERE site IN ?
  AND verdict != 'invalid'
  AND hour >= toStartOfHour(toDateTime(?, 'UTC'))
GROUP BY site, hour
ORDER BY site, hour
