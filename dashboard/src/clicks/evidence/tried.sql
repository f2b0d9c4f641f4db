-- What other rules said of a click, the newest version first; of a version's runs the last.
SELECT
    rules AS version,
    toString(argMax(verdict, replays.decided_at)) AS said,
    CAST(argMax(reasons, replays.decided_at) AS Array(String)) AS why,
    toUnixTimestamp64Milli(max(replays.decided_at)) AS run_ms
FROM replays
WHERE site = ?
  AND id = toUUID(?)
  AND time >= fromUnixTimestamp64Milli(toInt64(?) - 1000, 'UTC')
  AND time <= fromUnixTimestamp64Milli(toInt64(?) + 1000, 'UTC')
GROUP BY version
ORDER BY version DESC
LIMIT 20
