-- Tell how long events take from their acceptance until they are stored.
--
-- $1 seconds  float8  how far back events count, by when they were stored
-- $2 limit    bigint  how many of the newest events are looked at
-- Reads the newest events by their own time, which the index has in order; those
-- whose time has not come yet would hide the others for ever. What no message brought
-- is a replay, which was accepted long ago.
-- Returns one row: (seconds float8 that 99 of 100 take at most, or null where no event counts)
SELECT
    percentile_disc(0.99) WITHIN GROUP (
        ORDER BY extract(epoch FROM stored_at - accepted_at)::float8
    ) AS seconds
FROM (
    SELECT accepted_at, published_at, stored_at
    FROM events
    WHERE occurred_at <= now()
    ORDER BY occurred_at DESC
    LIMIT $2::bigint
) AS newest
WHERE stored_at >= now() - make_interval(secs => $1::float8) AND published_at IS NOT NULL
