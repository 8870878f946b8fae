-- Forget envelopes that were settled long ago, the oldest first, a bounded number at a time.
--
-- $1 most  bigint  how many at the most
-- One that came again after that would be counted a second time: as accepted,
-- and all of it as duplicates. Nobody tells of one so old: gateways tell of those
-- of the last day, and see tick_ledger_clock.
-- One collector at a time: where another does it, nothing is done.
-- Returns one number: how many these were.
WITH forgotten AS (
    DELETE FROM envelopes
    WHERE (SELECT pg_try_advisory_xact_lock(hashtext('prune envelopes')))
        AND id IN (
            SELECT id
            FROM envelopes
            WHERE settled_at < (SELECT at FROM ledger_clock) - interval '7 days'
            ORDER BY settled_at
            LIMIT $1::bigint
        )
    RETURNING id
)
SELECT count(*)
FROM forgotten
