-- Clicks of a network, or on an ad, nearest to a time first, with their verdicts in force.
SELECT
    toString(events.id) AS click_id,
    toString(events.site) AS of_site,
    toUnixTimestamp64Milli(events.time) AS at_ms,
    events.network AS of_network,
    events.visitor AS of_visitor,
    toString(events.campaign) AS of_campaign,
    toString(events.ad) AS of_ad,
    toString(events.impression) AS of_impression,
    events.position AS of_position,
    later.revised != '' AS is_revised,
    if(is_revised, later.revised, toString(events.verdict)) AS in_force,
    if(is_revised, later.why, CAST(events.reasons AS Array(String))) AS why
FROM events
LEFT ANY JOIN
(
    SELECT
        id,
        site,
        argMax(toString(verdict), tuple(rules, decided_at)) AS revised,
        argMax(CAST(reasons AS Array(String)), tuple(rules, decided_at)) AS why
    FROM verdicts
    WHERE time > fromUnixTimestamp64Milli(toInt64(?), 'UTC')
      AND time <= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
    GROUP BY id, site
) AS later ON later.id = events.id AND later.site = events.site
WHERE events.type = 'click'
  AND events.time > fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND events.time <= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND {whose}
ORDER BY abs(at_ms - ?), click_id
LIMIT ?
