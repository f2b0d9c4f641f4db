-- What was counted in a placement: impressions of the hour before a click, clicks and conversions of
-- the day.
SELECT
    toInt64(sumIf(impressions, minute > toDateTime(?, 'UTC'))) AS hour_impressions,
    toInt64(sum(clicks)) AS day_clicks,
    toInt64(sum(click_conversions_micros)) AS day_conversions
FROM ad_windows
WHERE site = ?
  AND placement = ?
  AND minute > toDateTime(?, 'UTC')
  AND minute <= toDateTime(?, 'UTC')
