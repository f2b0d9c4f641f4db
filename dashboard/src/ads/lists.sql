-- Ads by one property. {other} is what rates are standardised over: positions, or ads where the
-- rows are positions. `expected` is how many clicks the row's impressions would have had at the
-- rates that all rows together have in each {other}.
WITH parts AS
(
    SELECT
        toString({name}) AS of_name,
        toString({code}) AS of_code,
        toString({other}) AS of_other,
        toString(currency) AS of_currency,
        {sums}
    FROM ad_windows
    WHERE site = ?
      AND (? = '' OR campaign = ?)
      AND (? = '' OR ad = ?)
      AND {days}
    GROUP BY of_name, of_code, of_other, of_currency
    UNION ALL
    SELECT
        toString({name}) AS of_name,
        toString({code}) AS of_code,
        toString({other}) AS of_other,
        toString(currency) AS of_currency,
        {sums}
    FROM ad_windows
    WHERE site = ?
      AND (? = '' OR campaign = ?)
      AND (? = '' OR ad = ?)
      AND {ends}
    GROUP BY of_name, of_code, of_other, of_currency
)
SELECT
    of_name AS name,
    of_code AS code,
    {totals},
    sum(all_expected) AS expected,
    sumMap(all_money.1, all_money.2, all_money.3).1 AS currencies,
    sumMap(all_money.1, all_money.2, all_money.3).2 AS costs,
    sumMap(all_money.1, all_money.2, all_money.3).3 AS revenues,
    count() OVER () AS rows
FROM
(
    SELECT
        of_name,
        of_code,
        {middle},
        sumMap([of_currency], [part_cost], [part_revenue]) AS all_money,
        ifNotFinite(
            sum({n}) * sum(sum({c})) OVER (PARTITION BY of_other)
                / sum(sum({n})) OVER (PARTITION BY of_other),
            0) AS all_expected
    FROM parts
    GROUP BY of_name, of_code, of_other
)
GROUP BY of_name, of_code
ORDER BY {order}
LIMIT ? OFFSET ?
