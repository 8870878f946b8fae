-- Find where the payloads of a user's events are.
--
-- $1 user_key  uuid
-- Reads all events: no index has their users.
-- Returns one row for each block, in order: (id bigint, data bytea, positions smallint[])
WITH places AS MATERIALIZED (
    SELECT block, array_agg(position) AS positions
    FROM (
        SELECT block, position FROM events WHERE user_key = $1::uuid
        UNION ALL
        SELECT block, position FROM retracted_events WHERE user_key = $1::uuid
    ) AS theirs
    GROUP BY block
)
SELECT payload_blocks.id, payload_blocks.data, places.positions
FROM payload_blocks
JOIN places ON places.block = payload_blocks.id
ORDER BY payload_blocks.id
