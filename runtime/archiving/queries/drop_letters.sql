-- Delete dead letters that were replayed or discarded, and their history.
--
-- $1 before  timestamptz  accepted before then
-- $2 limit   bigint
-- Open ones stay: nobody has decided about them.
-- Returns one row each: (id uuid)
DELETE FROM dead_letters
WHERE id IN (
    SELECT id
    FROM dead_letters
    WHERE accepted_at < $1::timestamptz AND state <> 'open'
    ORDER BY accepted_at, id
    LIMIT $2::bigint
    FOR UPDATE SKIP LOCKED
)
RETURNING id
