-- Check whether rows in some pieces of time were let go.
--
-- $1 start   timestamptz[]  null for no bound
-- $2 end     timestamptz[]  null for no bound
-- $3 source  text           null for both
-- Arrays are parallel.
-- Returns one row: (kept_from timestamptz, from when on all rows are stored;
-- null if none of the pieces is affected)
SELECT max(dropped_until) AS kept_from
FROM archived_days
WHERE dropped_until > day
    AND EXISTS (
        SELECT
        FROM unnest($1::timestamptz[], $2::timestamptz[]) AS piece (starts_at, ends_at)
        JOIN archived_days AS gone
            ON gone.dropped_until > gone.day
            AND gone.day < coalesce(piece.ends_at, 'infinity')
            AND gone.dropped_until > coalesce(piece.starts_at, '-infinity')
            AND ($3::text IS NULL OR gone.source = $3::text::event_source)
    )
