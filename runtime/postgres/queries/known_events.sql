-- Find the events that are stored already.
--
-- $1 id  uuid[]
-- Returns one row for each of them: (id uuid)
SELECT id
FROM events
WHERE id = ANY($1::uuid[])
