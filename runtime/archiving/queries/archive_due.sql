-- List the days of a source whose events may be deleted, oldest first.
--
-- $1 until     timestamptz  days that end by then
-- $2 restored  boolean      whether to include restored days
-- Returns one row a day and source:
-- (day timestamptz, source text, events bigint, revenue numeric, digest text,
-- dropped_until timestamptz); the last two are null for a day that is not archived
SELECT
    figures.bucket AS day,
    figures.source::text AS source,
    sum(figures.events)::bigint AS events,
    sum(figures.revenue) AS revenue,
    archived_days.digest,
    archived_days.dropped_until
FROM event_rollups AS figures
LEFT JOIN archived_days
    ON archived_days.day = figures.bucket AND archived_days.source = figures.source
WHERE figures.granularity = 'day'
    AND figures.bucket + interval '24 hours' <= $1::timestamptz
    AND (
        archived_days.dropped_until IS NULL
        OR archived_days.dropped_until < figures.bucket + interval '24 hours'
    )
    AND ($2::boolean OR archived_days.restored_at IS NULL)
GROUP BY figures.bucket, figures.source, archived_days.digest, archived_days.dropped_until
ORDER BY figures.bucket, figures.source
