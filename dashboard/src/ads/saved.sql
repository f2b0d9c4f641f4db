-- What invalid clicks would have cost, at the price of their moment, by {name}. A verdict given
-- later replaces the event's own.
SELECT
    toString(events.{name}) AS of_name,
    toString(price_currency) AS currency,
    sum(price_micros) AS micros
{from_revised}
  AND events.type = 'click'
  AND events.billing_model = 'cpc'
  AND if(later.revised != '', later.revised, toString(events.verdict)) = 'invalid'
GROUP BY of_name, currency
ORDER BY micros DESC
LIMIT 10000
