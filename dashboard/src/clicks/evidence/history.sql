-- Verdicts that were given later, in their order.
SELECT
    toString(verdict) AS said,
    CAST(reasons AS Array(String)) AS why,
    rules AS judged_by,
    toUnixTimestamp64Milli(decided_at) AS decided_ms
FROM verdicts
WHERE site = ?
  AND id = toUUID(?)
  AND time >= fromUnixTimestamp64Milli(toInt64(?) - 1000, 'UTC')
  AND time <= fromUnixTimestamp64Milli(toInt64(?) + 1000, 'UTC')
ORDER BY judged_by, decided_ms
LIMIT 100
