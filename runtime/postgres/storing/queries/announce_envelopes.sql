-- Record envelopes that their gateway has announced and that are not settled yet.
--
-- $1 id        uuid[]
-- $2 minute    timestamptz[]  when the gateway accepted the events, its first instant
-- $3 source    text[]         null if rejected and unknown
-- $4 instance  uuid[]         the gateway's process
-- $5 rejected  boolean[]      by the gateway
-- $6 events    bigint[]
-- $7 sequence  bigint[]       its sequence in the broker's stream
-- No clock is involved, least of all the gateway's: gateways announce only envelopes so
-- new that their settling is not forgotten yet; see prune_envelopes.
-- Arrays are parallel. In key order and last in a transaction, so that two
-- collectors never deadlock.
-- Returns one row for each envelope that was not known: (id uuid)
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
