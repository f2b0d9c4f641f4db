-- What campaigns have spent since their beginning, on all sites, in billionths.
SELECT
    toString(campaign) AS name,
    toString(currency) AS of_currency,
    toInt64(sum(cost_micros) * 1000 + sum(cost_per_mille_micros)) AS nanos
FROM ad_windows
WHERE campaign IN ?
  AND currency != ''
GROUP BY name, of_currency
