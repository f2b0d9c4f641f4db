-- Ads by the search criteria under which they were chosen. Conversions know the hash alone, so the
-- text is the one that any other row of the hash has.
WITH parts AS
(
    SELECT
        query_hash,
        toString(currency) AS of_currency,
        max(query) AS part_query,
        {sums}
    FROM search_windows
    WHERE site = ?
      AND (? = '' OR campaign = ?)
      AND (? = '' OR ad = ?)
      AND {days}
    GROUP BY query_hash, of_currency
    UNION ALL
    SELECT
        query_hash,
        toString(currency) AS of_currency,
        max(query) AS part_query,
        {sums}
    FROM search_windows
    WHERE site = ?
      AND (? = '' OR campaign = ?)
      AND (? = '' OR ad = ?)
      AND {ends}
    GROUP BY query_hash, of_currency
)
SELECT
    max(part_query) AS name,
    '' AS code,
    {totals},
    toFloat64(0) AS expected,
    sumMap([of_currency], [part_cost], [part_revenue]).1 AS currencies,
    sumMap([of_currency], [part_cost], [part_revenue]).2 AS costs,
    sumMap([of_currency], [part_cost], [part_revenue]).3 AS revenues,
    count() OVER () AS rows
FROM parts
GROUP BY query_hash
ORDER BY name = '(other)', net_clicks DESC, net_impressions DESC, name
LIMIT ? OFFSET ?
