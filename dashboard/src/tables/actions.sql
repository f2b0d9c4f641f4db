-- Actions by name: visitors who did it, how often, and what it was worth. Visitor ids live one UTC
-- day, so distinct ids over several days are the sum of daily visitors.
SELECT
    toString(name) AS name,
    '' AS code,
    toInt64(uniqExactIf(visitor, visitor != 0)) AS main,
    toInt64(count()) AS second,
    toInt64(0) AS third,
    arrayFilter(
        part -> part.1 != '',
        arrayZip(
            sumMap([toString(currency)], [value_micros]).1,
            sumMap([toString(currency)], [value_micros]).2)) AS money,
    max(main) OVER () AS largest,
    sum(main) OVER () AS sum,
    count() OVER () AS rows
FROM events
WHERE site = ?
  AND (? OR verdict != 'invalid')
  AND type = 'action'
  AND time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
GROUP BY name
ORDER BY main DESC, second DESC, name
LIMIT ? OFFSET ?
