-- The clicks before and after one in its campaign, within a week.
SELECT 'earlier' AS which, toString(id) AS click_id
FROM events
WHERE site = ? AND type = 'click' AND campaign = ?
  AND time > fromUnixTimestamp64Milli(toInt64(?) - 604800000, 'UTC')
  AND (time, id) < (fromUnixTimestamp64Milli(toInt64(?), 'UTC'), toUUID(?))
ORDER BY time DESC, id DESC
LIMIT 1
UNION ALL
SELECT 'later' AS which, toString(id) AS click_id
FROM events
WHERE site = ? AND type = 'click' AND campaign = ?
  AND time < fromUnixTimestamp64Milli(toInt64(?) + 604800000, 'UTC')
  AND (time, id) > (fromUnixTimestamp64Milli(toInt64(?), 'UTC'), toUUID(?))
ORDER BY time, id
LIMIT 1
