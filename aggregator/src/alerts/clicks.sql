-- Clicks of each campaign in a stretch of time, and in the day before it. Windows are differences:
-- a sum is below zero only while a correction is ahead of what it corrects.
WITH toDateTime(?, 'UTC') AS since, toDateTime(?, 'UTC') AS until
SELECT
    w.site AS site,
    w.campaign AS campaign,
    toUInt64(greatest(0, sumIf(w.clicks, w.minute >= since))) AS clicks,
    toUInt64(greatest(0, sumIf(w.clicks - w.net_clicks, w.minute >= since))) AS invalid,
    toUInt64(greatest(0, sumIf(w.clicks, w.minute < since))) AS clicks_before,
    toUInt64(greatest(0, sumIf(w.clicks - w.net_clicks, w.minute < since))) AS invalid_before
FROM ad_windows AS w
WHERE w.minute >= since - toIntervalDay(1) AND w.minute < until
GROUP BY site, campaign
