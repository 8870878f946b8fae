-- Store metric snapshots; those already stored are left as they are.
--
-- $1  id                 uuid[]
-- $2  occurred_at        timestamptz[]
-- $3  accepted_at        timestamptz[]
-- $4  source             text[]
-- $5  channel            text[]
-- $6  event_id           text[]
-- $7  object_type        text[]
-- $8  object_id          text[]
-- $9  metric             text[]
-- $10 value              text[]        a decimal
-- $11 correlation_id     text[]
-- $12 payload            text[]        JSON
-- Arrays are parallel. In key order, so that two collectors never deadlock.
-- Returns one row for each that was new: (id uuid)
INSERT INTO metric_snapshots (
    id, occurred_at, accepted_at, source, channel, event_id, object_type, object_id, metric,
    value, correlation_id, payload
)
SELECT
    id, occurred_at, accepted_at, source::event_source, channel::channel, event_id,
    object_type, object_id, metric, value, correlation_id, payload::json
FROM unnest(
    $1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[]
) AS added (
    id, occurred_at, accepted_at, source, channel, event_id, object_type, object_id, metric,
    value, correlation_id, payload
)
ORDER BY id
ON CONFLICT (id) DO NOTHING
RETURNING id
