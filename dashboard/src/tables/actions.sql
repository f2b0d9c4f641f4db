-- Actions by name: visitors who did it, how often, and what it was worth.
SELECT
    name,
    '' AS code,
    sum(part_visitors) AS main,
    sum(part_count) AS second,
    toInt64(0) AS third,
    arrayFilter(
        part -> part.1 != '',
        arrayZip(
            sumMap([part_currency], [part_micros]).1,
            sumMap([part_currency], [part_micros]).2)) AS money,
    max(main) OVER () AS largest,
    sum(main) OVER () AS sum,
    count() OVER () AS rows
FROM
(
    SELECT
        subject AS name,
        toString(currency) AS part_currency,
        sum(visitors) AS part_visitors,
        sum(events) AS part_count,
        sum(value_micros) AS part_micros
    FROM event_days
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND kind = 'action'
      AND {days}
    GROUP BY subject, currency
    UNION ALL
    SELECT
        toString(name) AS name,
        toString(currency) AS part_currency,
        toInt64(sum(new_on_path)) AS part_visitors,
        toInt64(count()) AS part_count,
        sum(value_micros) AS part_micros
    FROM events
    WHERE site = ?
      AND (? OR verdict != 'invalid')
      AND type = 'action'
      AND {ends}
    GROUP BY name, currency
)
GROUP BY name
ORDER BY main DESC, second DESC, name
LIMIT ? OFFSET ?
