-- Conversions that name a click.
SELECT
    toUnixTimestamp64Milli(time) AS at_ms,
    toString(goal) AS of_goal,
    toString(status) AS of_status,
    value_micros AS micros,
    toString(currency) AS of_currency
FROM events
WHERE type = 'conversion'
  AND time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND time <= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND position(touches, ?) > 0
ORDER BY at_ms
LIMIT 20
