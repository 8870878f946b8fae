-- List dead letters before a place, newest first, without their bytes.
--
-- $1 id      uuid          null matches all, as in each filter below
-- $2 reason  text
-- $3 source  text
-- $4 field   text
-- $5 state   text
-- $6 start   timestamptz   of the time of acceptance
-- $7 end     timestamptz
-- $8 accepted_at  timestamptz  the place; null for the end
-- $9 place_id     uuid
-- $10 limit       bigint
-- Returns them by time of acceptance, then by id, descending:
-- (id uuid, accepted_at timestamptz, stored_at timestamptz, state text, reason text,
-- source event_source, field text, code text, message text, correlation_id text, trace_parent text,
-- payload_bytes integer, elements integer, channel channel)
SELECT
    id, accepted_at, stored_at, state, reason, source, field, code, message, correlation_id,
    trace_parent, octet_length(payload) AS payload_bytes, elements, channel
FROM dead_letters
WHERE ($1::uuid IS NULL OR id = $1)
    AND ($2::text IS NULL OR reason = $2)
    AND ($3::text IS NULL OR source = $3::event_source)
    AND ($4::text IS NULL OR field = $4)
    AND ($5::text IS NULL OR state = $5)
    AND accepted_at >= coalesce($6::timestamptz, '-infinity')
    AND accepted_at < coalesce($7::timestamptz, 'infinity')
    AND ($8::timestamptz IS NULL OR (accepted_at, id) < ($8, $9::uuid))
ORDER BY accepted_at DESC, id DESC
LIMIT $10::bigint
