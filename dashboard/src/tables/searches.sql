-- Searches by what was searched for, and how many of them found nothing. The
-- first argument: all queries, or only those that found nothing (ordered by how often).
SELECT
    name,
    '' AS code,
    if(?, sum(part_searches), second) AS main,
    sum(part_without) AS second,
    sum(part_searches) AS third,
    CAST([] AS Array(Tuple(String, Int64))) AS money,
    max(main) OVER () AS largest,
    sum(main) OVER () AS sum,
    count() OVER () AS rows
FROM
(
    SELECT
        subject AS name,
        sum(events) AS part_searches,
        sum(without_result) AS part_without
    FROM event_days
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND kind = 'search'
      AND {days}
    GROUP BY subject
    UNION ALL
    SELECT
        query_normalised AS name,
        toInt64(count()) AS part_searches,
        toInt64(countIf(results = 0)) AS part_without
    FROM events
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND type = 'search'
      AND {ends}
    GROUP BY query_normalised
)
GROUP BY name
HAVING main > 0
ORDER BY main DESC, name
LIMIT ? OFFSET ?
