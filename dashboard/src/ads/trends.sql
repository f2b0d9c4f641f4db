-- Clicks by bucket of the campaigns, or ads, that a list shows.
SELECT
    toString({name}) AS name,
    roundDown(toUnixTimestamp({time}), CAST(? AS Array(UInt32))) AS bucket,
    toInt64(sum(ad_windows.clicks)) AS clicks,
    toInt64(sum(ad_windows.net_clicks)) AS net_clicks
FROM ad_windows
WHERE site = ?
  AND {name} IN ?
  AND {time} >= toDateTime(?, 'UTC')
  AND {time} < toDateTime(?, 'UTC')
GROUP BY name, bucket
