-- Store dead letters; those already stored are left as they are.
--
-- $1  id              uuid[]
-- $2  reason          text[]         rejected, unreadable, refused, too_old or summarized
-- $3  source          text[]         null if unknown
-- $4  event_id        text[]         null if unknown
-- $5  field           text[]         dotted path; empty for the whole
-- $6  code            text[]
-- $7  message         text[]
-- $8  correlation_id  text[]         null if unknown
-- $9  accepted_at     timestamptz[]
-- $10 payload         bytea[]        the original bytes
-- $11 trace_parent    text[]         null if the request had none
-- $12 elements        integer[]      how many of its request it holds
-- $13 channel         text[]
-- Arrays are parallel: element i of each describes letter i.
-- Returns one row for each letter that was new: (id uuid)
INSERT INTO dead_letters (
    id, reason, source, event_id, field, code, message, correlation_id, accepted_at, payload,
    trace_parent, elements, channel
)
SELECT
    id, reason, source::event_source, event_id, field, code, message, correlation_id,
    accepted_at, payload, trace_parent, elements, channel::channel
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::timestamptz[], $10::bytea[], $11::text[],
    $12::integer[], $13::text[]
) AS letter (
    id, reason, source, event_id, field, code, message, correlation_id, accepted_at, payload,
    trace_parent, elements, channel
)
ORDER BY id
ON CONFLICT (id) DO NOTHING
RETURNING id
