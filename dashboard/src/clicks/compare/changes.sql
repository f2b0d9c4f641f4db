-- Clicks of which other rules say something else: another verdict, or another reason to count under.
SELECT
    toString(click_id) AS id,
    at_ms,
    of_campaign,
    of_ad,
    worth,
    of_currency,
    in_force,
    counted,
    tried,
    tried_counted
FROM
(
{both}
)
WHERE in_force != tried OR counted != tried_counted
ORDER BY in_force = 'invalid' = (tried = 'invalid'), at_ms DESC, click_id
LIMIT ? OFFSET ?
