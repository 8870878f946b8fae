-- Find the events that were stored and then taken back.
--
-- $1 id  uuid[]
-- Returns one row for each of them: (id uuid)
SELECT id
FROM retracted_events
WHERE id = ANY($1::uuid[])
