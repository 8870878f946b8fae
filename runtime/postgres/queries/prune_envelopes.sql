-- Forget envelopes that were settled long ago, the oldest first, a bounded number at a time.
--
-- One that came again after that would be counted a second time: as accepted,
-- and all of it as duplicates. Nobody tells of one so old; see tell_envelopes.
-- What another collector is forgetting is left to it.
-- Returns one number: how many these were.
WITH forgotten AS (
    DELETE FROM envelopes
    WHERE id IN (
        SELECT id
        FROM envelopes
        WHERE settled_at < now() - interval '7 days'
        ORDER BY settled_at
        LIMIT 5000
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id
)
SELECT count(*)
FROM forgotten
