-- Replace payload blocks.
--
-- $1 id    bigint[]
-- $2 data  bytea[]
-- Arrays are parallel.
-- Returns one row for each: (id bigint)
UPDATE payload_blocks
SET data = replaced.data
FROM unnest($1::bigint[], $2::bytea[]) AS replaced (id, data)
WHERE payload_blocks.id = replaced.id
RETURNING payload_blocks.id
