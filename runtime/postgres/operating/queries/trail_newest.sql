-- List the newest events by their own time, leaving out times in the future.
--
-- $1 limit  bigint
-- Reads the index by time backwards, up to the limit.
-- Returns the newest first: (block bigint, position smallint, data bytea, source event_source,
-- event_type text, occurred_at timestamptz, accepted_at timestamptz, stored_at timestamptz),
-- where data is the block with its id; of several events in a block one has it, the others null
SELECT
    block, position,
    CASE WHEN row_number() OVER (PARTITION BY block ORDER BY position) = 1 THEN (
        SELECT data FROM payload_blocks WHERE id = block
    ) END AS data,
    source, event_type, occurred_at, accepted_at, stored_at
FROM (
    SELECT block, position, source, event_type, occurred_at, accepted_at, stored_at
    FROM stored_events
    WHERE occurred_at <= now()
    ORDER BY occurred_at DESC
    LIMIT $1::bigint
) AS newest
ORDER BY occurred_at DESC
