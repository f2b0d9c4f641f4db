-- Visitors, page views and engaged time by page. Two parts, as in visits_by.sql.
SELECT
    name,
    '' AS code,
    sum(part_visitors) AS main,
    sumIf(part_count, type = 'pageview') AS second,
    sum(part_engaged_ms) AS third,
    CAST([] AS Array(Tuple(String, Int64))) AS money,
    max(main) OVER () AS largest,
    sum(main) OVER () AS sum,
    count() OVER () AS rows
FROM
(
    SELECT
        path AS name,
        type,
        toInt64(sum(new_on_path)) AS part_visitors,
        toInt64(count()) AS part_count,
        toInt64(sum(engaged_ms)) AS part_engaged_ms
    FROM events
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND type IN ('pageview', 'engagement')
      AND day >= toDate(toDateTime(?, 'UTC'))
      AND day < toDate(toDateTime(?, 'UTC'))
    GROUP BY path, type
    UNION ALL
    SELECT
        path AS name,
        type,
        toInt64(sum(new_on_path)) AS part_visitors,
        toInt64(count()) AS part_count,
        toInt64(sum(engaged_ms)) AS part_engaged_ms
    FROM events
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND type IN ('pageview', 'engagement')
      AND ((time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC') AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC'))
        OR (time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC') AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')))
    GROUP BY path, type
)
GROUP BY name
HAVING second > 0
ORDER BY main DESC, second DESC, name
LIMIT ? OFFSET ?
