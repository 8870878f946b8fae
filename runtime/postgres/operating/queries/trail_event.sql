-- Find a stored event.
--
-- $1 id  uuid
-- Returns at most one row:
-- (position smallint, data bytea, correlation_id text, trace_parent text,
-- accepted_at timestamptz, published_at timestamptz, stream_sequence bigint,
-- deliveries integer, stored_at timestamptz, channel text, retracted_at timestamptz), where data
-- is its payload's block, and retracted_at when it was taken back, or null
SELECT
    position, data, correlation_id, trace_parent, accepted_at, published_at, stream_sequence,
    deliveries, stored_at, channel::text AS channel, NULL::timestamptz AS retracted_at
FROM stored_events
JOIN payload_blocks ON payload_blocks.id = stored_events.block
WHERE stored_events.id = $1::uuid
UNION ALL
SELECT
    taken.position, data, correlation_id, trace_parent, accepted_at, published_at,
    stream_sequence, deliveries, stored_at, channel::text,
    (SELECT min(occurred_at) FROM retractions WHERE retracted_key = taken.id)
FROM retracted_events AS taken
JOIN event_kinds ON event_kinds.id = taken.kind
JOIN arrivals ON arrivals.block = taken.block AND arrivals.number = taken.arrival
JOIN payload_blocks ON payload_blocks.id = taken.block
WHERE taken.id = $1::uuid
