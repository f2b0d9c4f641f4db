-- What a site's events of a time, of one campaign or ad where asked, are read from: each stands beside
-- the verdict given later, which replaces its own. `later.revised` is empty where none was given.
FROM events
LEFT ANY JOIN
(
    SELECT
        id,
        argMax(toString(verdict), tuple(rules, decided_at)) AS revised,
        argMax(CAST(reasons AS Array(String)), tuple(rules, decided_at)) AS why,
        max(rules) AS by_rules
    FROM verdicts
    WHERE site = ?
      AND time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
      AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
    GROUP BY id
) AS later ON later.id = events.id
WHERE events.site = ?
  AND events.time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND events.time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
  AND (? = '' OR events.campaign = ?)
  AND (? = '' OR events.ad = ?)
