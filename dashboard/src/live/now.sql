-- Who is on the site now, and two numbers that change when something new has been stored: the
-- receipt of the newest event, and how many differences of recent visits there are.
SELECT
    toInt64(uniqExactIf(visitor, visitor != 0 AND verdict != 'invalid')) AS visitors,
    toUnixTimestamp64Milli(max(received_at)) AS received_at,
    max(rules) AS rules,
    -- A subquery's value may be null by its type, though never this one.
    assumeNotNull((SELECT toInt64(count()) FROM sessions WHERE site = ? AND start >= fromUnixTimestamp64Milli(toInt64(?), 'UTC'))) AS visits
FROM events
WHERE site = ?
  AND time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
