-- How many clicks go from which verdict and reason to which, by campaign.
SELECT
    in_force,
    counted,
    tried,
    tried_counted,
    of_campaign,
    of_currency,
    toInt64(count()) AS clicks,
    sum(worth) AS micros
FROM
(
{both}
)
GROUP BY in_force, counted, tried, tried_counted, of_campaign, of_currency
ORDER BY clicks DESC, of_campaign, in_force, counted, tried, tried_counted, of_currency
LIMIT 20000
