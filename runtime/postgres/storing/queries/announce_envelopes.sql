-- Note envelopes that are on the broker, as their gateway tells, and not settled yet.
--
-- $1 id        uuid[]
-- $2 minute    timestamptz[]  when the gateway took the events, its first instant
-- $3 source    text[]         null where rejected and unknown
-- $4 instance  uuid[]         the gateway's process
-- $5 rejected  boolean[]      by the gateway
-- $6 events    bigint[]
-- $7 sequence  bigint[]       its place in the broker's stream
-- No clock is asked, the gateway's least of all: gateways tell of what is so new
-- that its settling is not forgotten yet; see prune_envelopes.
-- Arrays are parallel. In the order of the keys, as the last of a transaction,
-- so that two collectors never wait for each other in a ring.
-- Returns one row for each that was not known: (id uuid)
INSERT INTO announced_envelopes (id, minute, source, instance, rejected, events, sequence)
SELECT id, minute, source::event_source, instance, rejected, events, sequence
FROM unnest(
    $1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[], $5::boolean[], $6::bigint[],
    $7::bigint[]
) AS added (id, minute, source, instance, rejected, events, sequence)
WHERE NOT EXISTS (SELECT FROM envelopes WHERE envelopes.id = added.id)
ORDER BY id
ON CONFLICT (id) DO NOTHING
RETURNING id
