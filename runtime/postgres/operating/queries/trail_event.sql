-- Find a stored event.
--
-- $1 id  uuid
-- Returns at most one row:
-- (position smallint, data bytea, correlation_id text, trace_parent text,
-- accepted_at timestamptz, published_at timestamptz, stream_sequence bigint,
-- deliveries integer, stored_at timestamptz), where data is its payload's block
SELECT
    position, data, correlation_id, trace_parent, accepted_at, published_at, stream_sequence,
    deliveries, stored_at
FROM stored_events
JOIN payload_blocks ON payload_blocks.id = stored_events.block
WHERE stored_events.id = $1::uuid
