-- Add the outcomes of envelopes to the ledger.
--
-- $1 minute      timestamptz[]  when the gateway accepted the events, its first instant
-- $2 source      text[]         null if rejected and unknown
-- $3 instance    uuid[]         the gateway's process
-- $4 rejected    boolean[]      by the gateway
-- $5 counted     bigint[]
-- $6 stored      bigint[]
-- $7 duplicates  bigint[]
-- $8 dead        bigint[]
-- Arrays are parallel; no two elements have the same entry.
-- Entries are updated in key order, so that two collectors never deadlock.
-- Returns one row for each entry: (counted bigint), its new total.
INSERT INTO ledger AS known (
    minute, source, instance, rejected, counted, stored, duplicates, dead
)
SELECT minute, source::event_source, instance, rejected, counted, stored, duplicates, dead
FROM unnest(
    $1::timestamptz[], $2::text[], $3::uuid[], $4::boolean[], $5::bigint[], $6::bigint[],
    $7::bigint[], $8::bigint[]
) AS added (minute, source, instance, rejected, counted, stored, duplicates, dead)
ORDER BY 1, 2, 3, 4
ON CONFLICT (minute, source, instance, rejected) DO UPDATE SET
    counted = known.counted + excluded.counted,
    stored = known.stored + excluded.stored,
    duplicates = known.duplicates + excluded.duplicates,
    dead = known.dead + excluded.dead
RETURNING counted
