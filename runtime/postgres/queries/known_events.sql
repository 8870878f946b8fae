-- Find which events are stored already.
--
-- $1 id  uuid[]
-- Returns one row for each that is: (id uuid)
SELECT id
FROM events
WHERE id = ANY($1::uuid[])
