-- Sum revenue by source and by bucket of time: hours and minutes from figures, the rest from rows.
--
-- $1  hours_start         timestamptz  first whole hour; null for no bound
-- $2  hours_end           timestamptz  end of the last whole hour; null for no bound
-- $3  minutes_head_start  timestamptz  the whole minutes before them
-- $4  minutes_head_end    timestamptz
-- $5  minutes_tail_start  timestamptz  the whole minutes after them
-- $6  minutes_tail_end    timestamptz
-- $7  head_start          timestamptz  the piece of a minute before all
-- $8  head_end            timestamptz
-- $9  tail_start          timestamptz  the piece of a minute after all
-- $10 tail_end            timestamptz
-- $11 source              text         null for both
-- $12 interval            text         hour, day, week or month; null for no buckets
-- $13 max_rows            bigint
-- A piece that ends where it starts is empty.
-- Returns first a row for each source, with null as bucket, then a row for each
-- bucket that is not empty, oldest first, with null as source:
-- (source text, bucket timestamptz, revenue numeric, transactions bigint)
WITH summed AS (
    SELECT hour AS occurred_at, source, revenue, transactions
    FROM event_hours
    WHERE hour >= coalesce($1::timestamptz, '-infinity')
        AND ($2::timestamptz IS NULL OR hour < $2::timestamptz)
        AND transactions > 0
    UNION ALL
    SELECT minute, source, revenue, transactions
    FROM event_minutes
    WHERE minute >= $3::timestamptz
        AND minute < $4::timestamptz
        AND transactions > 0
    UNION ALL
    SELECT minute, source, revenue, transactions
    FROM event_minutes
    WHERE minute >= $5::timestamptz
        AND minute < $6::timestamptz
        AND transactions > 0
    UNION ALL
    SELECT occurred_at, source, revenue, 1
    FROM events
    WHERE occurred_at >= $7::timestamptz
        AND occurred_at < $8::timestamptz
        AND revenue IS NOT NULL
    UNION ALL
    SELECT occurred_at, source, revenue, 1
    FROM events
    WHERE occurred_at >= $9::timestamptz
        AND occurred_at < $10::timestamptz
        AND revenue IS NOT NULL
),
asked AS (
    -- The driver stores the last and the first instant it knows as infinities.
    SELECT
        source, revenue, transactions,
        date_trunc(
            $12::text,
            greatest(least(occurred_at, '9999-12-31 23:59:59.999999Z'), '0001-01-01 00:00:00Z'),
            'UTC'
        ) AS bucket
    FROM summed
    WHERE $11::text IS NULL OR source = $11::text::event_source
)
SELECT
    source::text AS source,
    bucket,
    sum(revenue) AS revenue,
    sum(transactions)::bigint AS transactions
FROM asked
GROUP BY GROUPING SETS ((source), (bucket))
HAVING grouping(bucket) = 1 OR bucket IS NOT NULL
ORDER BY bucket NULLS FIRST
LIMIT $13::bigint
