-- List the requests to erase users that are not done, oldest first.
--
-- Returns one row for each: (id uuid, user_key uuid, source text)
SELECT id, user_key, source::text AS source
FROM erasures
WHERE done_at IS NULL
ORDER BY stored_at, id
