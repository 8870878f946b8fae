-- Delete balanced entries of the ledger for old minutes.
--
-- $1 before  timestamptz  accepted before then
-- $2 limit   bigint
-- Entries with an imbalance stay.
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
