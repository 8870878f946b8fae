-- Find the users who were erased.
--
-- $1 key  uuid[]
-- Returns one row for each of them: (user_key uuid, done_at timestamptz, the latest time)
SELECT user_key, max(done_at) AS done_at
FROM erasures
WHERE user_key = ANY($1::uuid[])
    AND done_at IS NOT NULL
GROUP BY user_key
