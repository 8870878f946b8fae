-- Mark envelopes as settled, except those settled before.
--
-- $1 id  uuid[]
-- Waits for a transaction that is settling one of them. In key order, so that two
-- collectors never deadlock.
-- Returns one row for each envelope that was not settled: (id uuid)
INSERT INTO envelopes (id, settled_at)
SELECT id, coalesce((SELECT at FROM ledger_clock), now())
FROM unnest($1::uuid[]) AS claimed (id)
ORDER BY id
ON CONFLICT (id) DO NOTHING
RETURNING id
