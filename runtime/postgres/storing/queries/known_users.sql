-- Find the users that are known, and lock them until this transaction ends.
--
-- $1 key  uuid[]
-- Locks in key order, so that two collectors never deadlock.
-- Returns one row for each of them: (key uuid, source text, first_at timestamptz,
-- newest_at timestamptz, newest_id uuid, age smallint, gender text, followers bigint,
-- country text, city text)
SELECT key, source::text, first_at, newest_at, newest_id, age, gender, followers, country, city
FROM users
WHERE key = ANY($1::uuid[])
ORDER BY key
FOR UPDATE
