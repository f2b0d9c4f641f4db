-- Everything about the impression of a click: that it was made, its views, and clicks on it.
SELECT
    toString(type) AS kind,
    toString(id) AS of_id,
    toUnixTimestamp64Milli(time) AS at_ms,
    viewable_ms AS viewable,
    ifNull(visible_pct, 0) AS visible,
    measurable AS is_measurable
FROM events
WHERE site = ?
  AND ((type = 'impression' AND id = toUUID(?)) OR (type IN ('view', 'click') AND impression = toUUID(?)))
  AND ad = ?
  AND time > fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND time <= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
ORDER BY at_ms, of_id
LIMIT 200
