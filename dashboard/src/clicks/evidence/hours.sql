-- The hours of a placement in a campaign, from the first in which an ad was shown or clicked there:
-- its net clicks. Hours in which the campaign had none are left out, as the rules do.
SELECT
    toInt64(intDiv(toUnixTimestamp(minute), 3600)) AS of_hour,
    toInt64(sumIf(net_clicks, placement = ?)) AS of_place,
    toInt64(sumIf(impressions + clicks, placement = ?)) AS happened,
    toInt64(sum(net_clicks)) AS of_campaign
FROM ad_windows
WHERE site = ?
  AND campaign = ?
  AND toDate(minute) >= toDate(toDateTime(?, 'UTC'))
  AND minute < toDateTime(?, 'UTC')
GROUP BY of_hour
HAVING happened > 0 OR of_campaign > 0
ORDER BY of_hour
