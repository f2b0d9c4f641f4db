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
    {from_revised}
      AND events.type IN {types}
)
GROUP BY name
ORDER BY {order}
LIMIT ? OFFSET ?
