-- Visitors and visits by one property of the visit.
SELECT
    name,
    code,
    sum(part_visitors) AS main,
    sum(part_visits) AS second,
    toInt64(0) AS third,
    CAST([] AS Array(Tuple(String, Int64))) AS money,
    max(main) OVER () AS largest,
    sum(main) OVER () AS sum,
    count() OVER () AS rows
FROM
(
    SELECT
        toString({name}) AS name,
        toString({code}) AS code,
        toInt64(sum({visitors})) AS part_visitors,
        toInt64(sum({visits})) AS part_visits
    FROM sessions
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND {days}
    GROUP BY {name}, {code}
    UNION ALL
    SELECT
        toString({name}) AS name,
        toString({code}) AS code,
        toInt64(sum({visitors})) AS part_visitors,
        toInt64(sum({visits})) AS part_visits
    FROM sessions
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND {ends}
    GROUP BY {name}, {code}
)
WHERE ? OR name != ''
GROUP BY name, code
HAVING main > 0 OR second > 0
ORDER BY main DESC, second DESC, name, code
LIMIT ? OFFSET ?
