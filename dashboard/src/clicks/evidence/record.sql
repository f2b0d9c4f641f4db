-- One click as it is stored: everything as JSON, and apart what is reckoned with. Last comes the time
-- that its id tells, if it tells one.
SELECT
    formatRowNoNewline('JSONEachRow', *) AS stored,
    toString(id) AS click_id,
    toUnixTimestamp64Milli(time) AS at_ms,
    toUnixTimestamp64Milli(received_at) AS received_ms,
    toUnixTimestamp64Milli(impression_at) AS impression_ms,
    toString(impression) AS of_impression,
    network AS of_network,
    visitor AS of_visitor,
    account AS of_account,
    toString(verdict) AS was,
    CAST(reasons AS Array(String)) AS why,
    rules AS judged_by
FROM events
WHERE site = ?
  AND type = 'click'
  AND id = toUUID(?)
  AND {when}
LIMIT 1
