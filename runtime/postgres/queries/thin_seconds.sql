-- Delete second rollups before the horizon, oldest first, a bounded number at a time.
--
-- $1 most  bigint  the bound
-- A transaction that read an older horizon may still add some: no report reads them, and
-- the next call deletes them. Rows that others hold are skipped, so this never waits.
-- Returns one number: how many were deleted.
WITH thinned AS (
    DELETE FROM second_rollups
    WHERE ctid = ANY (ARRAY(
        SELECT ctid
        FROM second_rollups
        WHERE bucket < (SELECT complete_from FROM second_horizon)
        ORDER BY bucket
        LIMIT $1::bigint
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING bucket
)
SELECT count(*)
FROM thinned
