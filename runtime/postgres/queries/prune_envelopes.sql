-- Forget envelopes that were settled long ago, oldest first, a bounded number at a time.
--
-- $1 most  bigint  the bound
-- An envelope that came again after that would be counted twice: as accepted, and all
-- its events as duplicates. None this old is announced: gateways announce those of the
-- last day, and see tick_ledger_clock.
-- One collector at a time: if another is pruning, nothing is done.
-- Returns one number: how many were forgotten.
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
