-- Add what became of envelopes to the ledger.
--
-- $1 minute      timestamptz[]  when the gateway accepted the events, its first instant
-- $2 source      text[]
-- $3 instance    uuid[]         the gateway's process
-- $4 accepted    bigint[]
-- $5 stored      bigint[]
-- $6 duplicates  bigint[]
-- $7 dead        bigint[]
-- Arrays are parallel; no two elements are of the same entry.
-- Entries are touched in the order of their keys, so that two collectors
-- never wait for each other in a ring.
-- Returns one row for each entry: (accepted bigint), what it has come to.
INSERT INTO ledger AS known (minute, source, instance, accepted, stored, duplicates, dead)
SELECT minute, source::event_source, instance, accepted, stored, duplicates, dead
FROM unnest(
    $1::timestamptz[], $2::text[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[],
    $7::bigint[]
) AS added (minute, source, instance, accepted, stored, duplicates, dead)
ORDER BY 1, 2, 3
ON CONFLICT (minute, source, instance) DO UPDATE SET
    accepted = known.accepted + excluded.accepted,
    stored = known.stored + excluded.stored,
    duplicates = known.duplicates + excluded.duplicates,
    dead = known.dead + excluded.dead
RETURNING accepted
