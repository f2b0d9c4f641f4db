-- How many clicks have which verdict, under which reason, and what they are worth.
SELECT
    in_force,
    counted,
    of_currency,
    toInt64(count()) AS clicks,
    sum(worth) AS micros,
    toInt64(countIf(decided)) AS decided,
    toInt64(countIf(was != 'invalid' AND in_force = 'invalid')) AS taken_back,
    toInt64(countIf(was = 'invalid' AND in_force != 'invalid')) AS given_back,
    arraySort(groupUniqArray(judged_by)) AS rules
FROM
(
{clicks}
)
GROUP BY in_force, counted, of_currency
ORDER BY clicks DESC, in_force, counted, of_currency
