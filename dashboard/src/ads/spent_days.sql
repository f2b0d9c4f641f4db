-- What a campaign has spent by UTC day, on all sites, in billionths.
SELECT
    toInt64(toUnixTimestamp(toDateTime(day, 'UTC'))) * 1000 AS began,
    toInt64(sum(cost_micros) * 1000 + sum(cost_per_mille_micros)) AS nanos
FROM ad_windows
WHERE campaign = ?
  AND currency = ?
GROUP BY day
ORDER BY day
LIMIT 4000
