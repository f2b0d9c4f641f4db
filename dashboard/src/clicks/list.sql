-- Clicks one by one, of one verdict and one reason if they are named.
SELECT
    toString(click_id) AS id,
    at_ms,
    of_campaign,
    of_ad,
    of_placement,
    of_position,
    of_country,
    of_device,
    worth,
    of_currency,
    was,
    in_force,
    why,
    judged_by,
    counted
FROM
(
{clicks}
)
WHERE (? = '' OR in_force = ?)
  AND (? = '' OR counted = ?)
ORDER BY at_ms {order}, click_id {order}
LIMIT ? OFFSET ?
