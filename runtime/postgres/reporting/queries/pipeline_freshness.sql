-- Measure how long events take from acceptance until they are stored.
--
-- $1 seconds  float8  how far back events count, by the time they were stored
-- $2 limit    bigint  how many of the newest events are read
-- Reads the newest events by their own time, in the order of the index; future times are
-- left out, since they would hide the others for ever. Events that came in no message
-- are replays, accepted long ago, and don't count.
-- Returns one row: (seconds float8, the 99th percentile, or null if no event counts)
SELECT
    percentile_disc(0.99) WITHIN GROUP (
        ORDER BY extract(epoch FROM stored_at - accepted_at)::float8
    ) AS seconds
FROM (
    SELECT accepted_at, published_at, stored_at
    FROM stored_events
    WHERE occurred_at <= now()
    ORDER BY occurred_at DESC
    LIMIT $2::bigint
) AS newest
WHERE stored_at >= now() - make_interval(secs => $1::float8) AND published_at IS NOT NULL
