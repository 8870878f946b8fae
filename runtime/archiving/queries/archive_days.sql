-- List the archived days of a source, oldest first.
--
-- $1 source  text  null for both
-- Events and revenue come from the rollups, which stay.
-- Returns one row a day and source:
-- (day timestamptz, source text, events bigint, revenue numeric, digest text,
-- dropped_until timestamptz)
SELECT
    archived_days.day,
    archived_days.source::text AS source,
    coalesce(sum(figures.events), 0)::bigint AS events,
    coalesce(sum(figures.revenue), 0) AS revenue,
    archived_days.digest,
    archived_days.dropped_until
FROM archived_days
LEFT JOIN event_rollups AS figures
    ON figures.granularity = 'day'
    AND figures.bucket = archived_days.day
    AND figures.source = archived_days.source
WHERE $1::text IS NULL OR archived_days.source = $1::text::event_source
GROUP BY archived_days.day, archived_days.source
ORDER BY archived_days.day, archived_days.source
