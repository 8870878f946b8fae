-- Store retractions; those already stored are left as they are.
--
-- $1  id                 uuid[]
-- $2  retracted_key      uuid[]        of the event that is taken back
-- $3  occurred_at        timestamptz[]
-- $4  accepted_at        timestamptz[]
-- $5  source             text[]
-- $6  channel            text[]
-- $7  event_id           text[]        the retraction's own
-- $8  retracted_id       text[]        the event's
-- $9  correlation_id     text[]
-- $10 payload            text[]        JSON
-- Arrays are parallel. In key order, so that two collectors never deadlock.
-- Returns one row for each that was new: (id uuid)
INSERT INTO retractions (
    id, retracted_key, occurred_at, accepted_at, source, channel, event_id, retracted_id,
    correlation_id, payload
)
SELECT
    id, retracted_key, occurred_at, accepted_at, source::event_source, channel::channel,
    event_id, retracted_id, correlation_id, payload::json
FROM unnest(
    $1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::text[]
) AS added (
    id, retracted_key, occurred_at, accepted_at, source, channel, event_id, retracted_id,
    correlation_id, payload
)
ORDER BY id
ON CONFLICT (id) DO NOTHING
RETURNING id
