-- Find which users are known, and keep others from changing them until this transaction ends.
--
-- $1 key  uuid[]
-- Locks in the order of the keys, so that two collectors never wait for each other in a ring.
-- Returns one row for each that is: (key uuid, source text, first_at timestamptz,
-- newest_at timestamptz, newest_id uuid, age smallint, gender text, followers bigint,
-- country text, city text)
SELECT key, source::text, first_at, newest_at, newest_id, age, gender, followers, country, city
FROM users
WHERE key = ANY($1::uuid[])
ORDER BY key
FOR UPDATE
