-- The clicks of a placement in the day before a click: how many of them look alike.
WITH
    fromUnixTimestamp64Milli(toInt64(?), 'UTC') AS begin,
    fromUnixTimestamp64Milli(toInt64(?), 'UTC') AS end
SELECT
    toInt64(sum(of_network.clicks)) AS clicks,
    toInt64(sum(of_network.unproven)) AS unproven,
    toInt64(sum(of_network.fast)) AS fast,
    toInt64(sum(of_network.unviewed)) AS unviewed,
    toInt64(sum(of_network.lifeless)) AS lifeless,
    toInt64(sum(arrayCount(at -> at >= of_network.times[1] + ?, of_network.times))) AS repeated,
    toInt64(sum(of_network.in_hour)) AS hour_clicks,
    toInt64(countIf(of_network.in_hour > 0)) AS hour_networks
FROM
(
    SELECT
        network,
        count() AS clicks,
        countIf(hasAny(CAST(reasons AS Array(String)), ['no_impression', 'impression_unknown'])) AS unproven,
        countIf(has(CAST(reasons AS Array(String)), 'fast_click')) AS fast,
        countIf(impression != toUUID('00000000-0000-0000-0000-000000000000') AND impression NOT IN
        (
            SELECT impression FROM events
            WHERE site = ? AND type = 'view' AND placement = ? AND time > begin - INTERVAL 1 DAY AND time <= end
        )) AS unviewed,
        countIf(visitor NOT IN
        (
            SELECT visitor FROM events
            WHERE site = ? AND time > begin AND time <= end AND visitor != 0
              AND (type = 'view' OR (type = 'engagement' AND engaged_ms >= 1000) OR (type IN ('search', 'action') AND via = 'script'))
        )) AS lifeless,
        countIf(time > fromUnixTimestamp64Milli(toInt64(?), 'UTC')) AS in_hour,
        arraySort(groupArray(toUnixTimestamp64Milli(time))) AS times
    FROM events
    WHERE site = ?
      AND type = 'click'
      AND placement = ?
      AND time > begin
      AND time <= end
    GROUP BY network
) AS of_network
