-- Net page views of each site in a stretch of time, and in the same stretch of each of the weeks
-- before, as far back as the stretch saw any.
WITH
    toUnixTimestamp64Milli(until) - toUnixTimestamp64Milli(time) - 1 AS age,
    7 * 24 * 3600 * 1000 AS week_ms,
    toDateTime64(?, 3, 'UTC') AS since,
    toDateTime64(?, 3, 'UTC') AS until,
    toUInt32(?) AS weeks
SELECT
    site,
    by_week[toUInt32(0)] AS now,
    arrayMap(back -> by_week[toUInt32(back)], range(1, oldest + 1)) AS before
FROM
(
    SELECT site, sumMap(map(week, views)) AS by_week, max(week) AS oldest
    FROM
    (
        SELECT site, toUInt32(intDiv(age, week_ms)) AS week, countIf(verdict != 'invalid') AS views
        FROM events
        WHERE type = 'pageview' AND time >= since - toIntervalWeek(weeks) AND time < until
          AND age % week_ms < toUnixTimestamp64Milli(until) - toUnixTimestamp64Milli(since)
        GROUP BY site, week
    )
    GROUP BY site
)
