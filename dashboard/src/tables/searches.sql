-- Searches by what was searched for, and how many of them found nothing. The
-- first argument: all queries, or only those that found nothing (ordered by how often).
SELECT
    query_normalised AS name,
    '' AS code,
    if(?, toInt64(count()), toInt64(countIf(results = 0))) AS main,
    toInt64(countIf(results = 0)) AS second,
    toInt64(count()) AS third,
    CAST([] AS Array(Tuple(String, Int64))) AS money,
    max(main) OVER () AS largest,
    sum(main) OVER () AS sum,
    count() OVER () AS rows
FROM events
WHERE site = ?
  AND (? OR verdict != 'invalid')
  AND type = 'search'
  AND time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
GROUP BY name
HAVING main > 0
ORDER BY main DESC, name
LIMIT ? OFFSET ?
