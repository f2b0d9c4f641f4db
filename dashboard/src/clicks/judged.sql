-- Clicks with the verdict in force: a verdict given later replaces the event's own. `counted` is the
-- reason under which a click counts: of an invalid one the first that makes it invalid, by the rules
-- in force (the first argument has their words), else its first. `decided` says whether there was
-- enough to judge by: see "decision rate" in docs/definitions.md.
    SELECT
        events.id AS click_id,
        toUnixTimestamp64Milli(events.time) AS at_ms,
        toString(events.campaign) AS of_campaign,
        toString(events.ad) AS of_ad,
        toString(events.placement) AS of_placement,
        events.position AS of_position,
        toString(events.country) AS of_country,
        toString(events.device) AS of_device,
        if(events.billing_model = 'cpc', events.price_micros, 0) AS worth,
        if(events.billing_model = 'cpc', toString(events.price_currency), '') AS of_currency,
        toString(events.verdict) AS was,
        later.revised != '' AS is_revised,
        if(is_revised, later.revised, was) AS in_force,
        if(is_revised, later.why, CAST(events.reasons AS Array(String))) AS why,
        if(is_revised, later.by_rules, events.rules) AS judged_by,
        arrayFirst(reason -> has(CAST(? AS Array(String)), reason), why) AS filtered_by,
        if(in_force = 'invalid' AND filtered_by != '', filtered_by, why[1]) AS counted,
        in_force = 'invalid' OR (events.network != 0 AND events.user_agent != ''
            AND (events.proof IN ('signed', 'expired') OR events.impression != toUUID('00000000-0000-0000-0000-000000000000'))
            AND NOT hasAny(why, ['no_impression', 'impression_unknown'])) AS decided
    {from_revised}
      AND events.type = 'click'
