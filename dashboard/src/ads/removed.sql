-- Invalid clicks by the first of their reasons.
WITH parts AS
(
    SELECT sumMap(invalid_clicks) AS reasons
    FROM ad_windows
    WHERE site = ?
      AND (? = '' OR campaign = ?)
      AND (? = '' OR ad = ?)
      AND {days}
    UNION ALL
    SELECT sumMap(invalid_clicks) AS reasons
    FROM ad_windows
    WHERE site = ?
      AND (? = '' OR campaign = ?)
      AND (? = '' OR ad = ?)
      AND {ends}
)
SELECT
    toString(reason) AS name,
    sum(of_reason) AS clicks
FROM parts
ARRAY JOIN mapKeys(reasons) AS reason, mapValues(reasons) AS of_reason
GROUP BY name
HAVING clicks != 0
ORDER BY clicks DESC, name
