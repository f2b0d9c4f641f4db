-- Impressions and clicks of an ad by a property of whoever saw it, from the events themselves. A
-- verdict given later replaces the event's own.
SELECT
    name,
    '' AS code,
    toInt64(countIf(is_shown)) AS impressions,
    toInt64(countIf(is_shown AND is_net)) AS net_impressions,
    toInt64(0) AS measurable,
    toInt64(0) AS viewable,
    toInt64(countIf(NOT is_shown)) AS clicks,
    toInt64(countIf(NOT is_shown AND is_net)) AS net_clicks,
    toInt64(0) AS click_conversions,
    toInt64(0) AS view_conversions,
    toFloat64(0) AS expected,
    CAST([] AS Array(String)) AS currencies,
    CAST([] AS Array(Int64)) AS costs,
    CAST([] AS Array(Int64)) AS revenues,
    count() OVER () AS rows
FROM
(
    SELECT
        {name} AS name,
        events.type = 'impression' AS is_shown,
        if(later.revised != '', later.revised, toString(events.verdict)) != 'invalid' AS is_net
    FROM events
    LEFT ANY JOIN
    (
        SELECT id, argMax(toString(verdict), tuple(rules, decided_at)) AS revised
        FROM verdicts
        WHERE site = ?
          AND time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
          AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
        GROUP BY id
    ) AS later ON later.id = events.id
    WHERE events.site = ?
      AND events.type IN {types}
      AND events.time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
      AND events.time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
      AND (? = '' OR events.campaign = ?)
      AND (? = '' OR events.ad = ?)
)
GROUP BY name
ORDER BY {order}
LIMIT ? OFFSET ?
