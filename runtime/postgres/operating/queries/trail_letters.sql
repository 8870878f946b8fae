-- Find the dead letters that carry an event's id, or that became the event.
--
-- $1 key       uuid  the event's
-- $2 source    text  letters without a source match any
-- $3 event_id  text
-- $4 limit     bigint
-- Returns the oldest first:
-- (id uuid, accepted_at timestamptz, stored_at timestamptz, state text, reason text,
-- source event_source, field text, code text, message text, correlation_id text, trace_parent text,
-- payload_bytes integer, elements integer, channel channel)
SELECT
    id, accepted_at, stored_at, state, reason, source, field, code, message, correlation_id,
    trace_parent, octet_length(payload) AS payload_bytes, elements, channel
FROM dead_letters
WHERE event_key = $1::uuid
    OR (event_id = $3::text AND (source IS NULL OR source = $2::event_source))
ORDER BY accepted_at, id
LIMIT $4::bigint
