-- Find a stored event.
--
-- $1 id  uuid
-- Returns at most one row:
-- (correlation_id text, trace_parent text, accepted_at timestamptz, published_at timestamptz,
-- stream_sequence bigint, deliveries integer, stored_at timestamptz, payload json)
SELECT
    correlation_id, trace_parent, accepted_at, published_at, stream_sequence, deliveries,
    stored_at, payload
FROM events
WHERE id = $1::uuid
