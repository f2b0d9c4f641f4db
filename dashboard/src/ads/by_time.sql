-- What was counted about ads, by bucket of the chart and currency, in the period and its comparison.
-- The first part reads whole hours, which the roll-up answers ({time} is `hour`; in time zones that
-- are off by half an hour it is `minute`); the second the rest of the hour in which a comparison
-- ends. An empty campaign or ad is no filter. Cost is in billionths, so that prices per thousand
-- are divided when everything has been added up.
WITH parts AS
(
    SELECT
        roundDown(toUnixTimestamp({time}), CAST(? AS Array(UInt32))) AS bucket,
        toString(currency) AS of_currency,
        {sums}
    FROM ad_windows
    WHERE site = ?
      AND (? = '' OR campaign = ?)
      AND (? = '' OR ad = ?)
      AND (({time} >= toDateTime(?, 'UTC') AND {time} < toDateTime(?, 'UTC'))
        OR ({time} >= toDateTime(?, 'UTC') AND {time} < toDateTime(?, 'UTC')))
    GROUP BY bucket, of_currency
    UNION ALL
    SELECT
        roundDown(toUnixTimestamp(minute), CAST(? AS Array(UInt32))) AS bucket,
        toString(currency) AS of_currency,
        {sums}
    FROM ad_windows
    WHERE site = ?
      AND (? = '' OR campaign = ?)
      AND (? = '' OR ad = ?)
      AND minute >= toDateTime(?, 'UTC')
      AND minute < toDateTime(?, 'UTC')
    GROUP BY bucket, of_currency
)
SELECT
    bucket,
    of_currency AS currency,
    {totals},
    sum(part_cost) AS cost,
    sum(part_revenue) AS revenue
FROM parts
GROUP BY bucket, of_currency
ORDER BY bucket, of_currency
