-- Clicks beside what other rules say of them: those that both have judged. The first argument has the
-- words of the reasons that make a click invalid by these other rules.
    SELECT
        old.*,
        new.verdict AS tried,
        new.reasons AS tried_why,
        arrayFirst(reason -> has(CAST(? AS Array(String)), reason), tried_why) AS tried_filter,
        if(tried = 'invalid' AND tried_filter != '', tried_filter, tried_why[1]) AS tried_counted
    FROM
    (
{clicks}
    ) AS old
    INNER ANY JOIN
    (
        SELECT
            id,
            toString(argMax(replays.verdict, decided_at)) AS verdict,
            CAST(argMax(replays.reasons, decided_at) AS Array(String)) AS reasons
        FROM replays
        WHERE site = ?
          AND rules = ?
          AND time >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')
          AND time < fromUnixTimestamp64Milli(toInt64(?), 'UTC')
        GROUP BY id
    ) AS new ON new.id = old.click_id
