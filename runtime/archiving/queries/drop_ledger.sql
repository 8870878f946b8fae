-- Forget the ledger's entries of old minutes that are even.
--
-- $1 before  timestamptz  accepted before then
-- $2 limit   bigint
-- What is amiss stays.
-- Returns one row each: (minute timestamptz)
DELETE FROM ledger
WHERE ctid = ANY(ARRAY(
    SELECT ctid
    FROM ledger
    WHERE minute < $1::timestamptz AND counted = stored + duplicates + dead
    LIMIT $2::bigint
    FOR UPDATE SKIP LOCKED
))
RETURNING minute
