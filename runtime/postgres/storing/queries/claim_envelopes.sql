-- Mark envelopes as settled, but for those that were settled before.
--
-- $1 id  uuid[]
-- Waits for a transaction that settles one of them. In the order of the keys,
-- so that two collectors never wait for each other in a ring.
-- Returns one row for each that was not settled: (id uuid)
INSERT INTO envelopes (id, settled_at)
SELECT id, coalesce((SELECT at FROM ledger_clock), now())
FROM unnest($1::uuid[]) AS claimed (id)
ORDER BY id
ON CONFLICT (id) DO NOTHING
RETURNING id
