-- Read payload blocks.
--
-- $1 id  bigint[]
-- Returns one row for each: (id bigint, data bytea)
SELECT id, data
FROM payload_blocks
WHERE id = ANY($1::bigint[])
