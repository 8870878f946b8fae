-- Find a dead letter with its bytes.
--
-- $1 id  uuid
-- Returns at most one row:
-- (id uuid, accepted_at timestamptz, stored_at timestamptz, state text, reason text,
-- source event_source, field text, code text, message text, correlation_id text, trace_parent text,
-- payload_bytes integer, elements integer, channel channel,
-- event_id text, payload bytea)
SELECT
    id, accepted_at, stored_at, state, reason, source, field, code, message, correlation_id,
    trace_parent, octet_length(payload) AS payload_bytes, elements, channel,
    event_id, payload
FROM dead_letters
WHERE id = $1::uuid
