-- How many differences of recent minutes there are: changes when something new is shown. The
-- visitors beside it are those of the site.
SELECT
    toInt64(count()) AS windows
FROM ad_windows
WHERE site = ?
  AND minute >= toDateTime(?, 'UTC')
