-- Find the events that a stored retraction takes back.
--
-- $1 id  uuid[]
-- Returns one row for each of them: (id uuid)
SELECT DISTINCT retracted_key AS id
FROM retractions
WHERE retracted_key = ANY($1::uuid[])
