-- What invalid clicks would have cost, at the price of their moment, by {name}. A verdict given
-- later replaces the event's own.
SELECT
    toString(events.{name}) AS of_name,
    toString(price_currency) AS currency,
    sum(price_micros) AS micros
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
  AND events.type = 'click'
  AND events.time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND events.time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND (? = '' OR events.campaign = ?)
  AND (? = '' OR events.ad = ?)
  AND events.billing_model = 'cpc'
  AND if(later.revised != '', later.revised, toString(events.verdict)) = 'invalid'
GROUP BY of_name, currency
ORDER BY micros DESC
LIMIT 10000
