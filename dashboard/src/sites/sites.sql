-- Net visitors by site and hour (the hourly roll-up answers it).
SELECT
    toString(site) AS site,
    toUnixTimestamp(hour) AS hour,
    toInt64(sum(new_visitor)) AS visitors
FROM events
WHERE site IN ?
  AND verdict != 'invalid'
  AND hour >= toStartOfHour(toDateTime(?, 'UTC'))
GROUP BY site, hour
ORDER BY site, hour
