-- The rules that were tried on a site's clicks.
SELECT
    rules AS version,
    toInt64(uniqExact(id)) AS clicks,
    toUnixTimestamp64Milli(min(time)) AS first_ms,
    toUnixTimestamp64Milli(max(time)) AS last_ms,
    toUnixTimestamp64Milli(max(decided_at)) AS run_ms
FROM replays
WHERE site = ?
  AND time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
GROUP BY version
ORDER BY version DESC
LIMIT 50
