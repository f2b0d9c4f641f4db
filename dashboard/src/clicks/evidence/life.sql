-- What a network did beside clicking, by site: ads that it was shown until a time, and visitors who
-- read, looked or did something. The same that the rules take for a sign of life.
SELECT
    toString(site) AS of_site,
    toInt64(countIf(type = 'impression' AND bot = '' AND NOT automated AND time <= fromUnixTimestamp64Milli(toInt64(?), 'UTC'))) AS shown,
    groupUniqArrayIf(1024)(visitor, visitor != 0 AND bot = '' AND NOT automated
        AND (type = 'view' OR (type = 'engagement' AND engaged_ms >= 1000) OR (type IN ('search', 'action') AND via = 'script'))) AS live
FROM events
WHERE network = ?
  AND type != 'click'
  AND time > fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND time <= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
GROUP BY of_site
LIMIT 256
