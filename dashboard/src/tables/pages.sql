-- Visitors, page views and engaged time by page.
SELECT
    name,
    '' AS code,
    sum(part_visitors) AS main,
    sum(part_count) AS second,
    sum(part_engaged_ms) AS third,
    CAST([] AS Array(Tuple(String, Int64))) AS money,
    max(main) OVER () AS largest,
    sum(main) OVER () AS sum,
    count() OVER () AS rows
FROM
(
    SELECT
        subject AS name,
        sum(visitors) AS part_visitors,
        sum(events) AS part_count,
        sum(engaged_ms) AS part_engaged_ms
    FROM event_days
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND kind = 'page'
      AND {days}
    GROUP BY subject
    UNION ALL
    SELECT
        path AS name,
        toInt64(sum(new_on_path)) AS part_visitors,
        toInt64(countIf(type = 'pageview')) AS part_count,
        toInt64(sum(engaged_ms)) AS part_engaged_ms
    FROM events
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND type IN ('pageview', 'engagement')
      AND {ends}
    GROUP BY path
)
GROUP BY name
HAVING second > 0
ORDER BY main DESC, second DESC, name
LIMIT ? OFFSET ?
