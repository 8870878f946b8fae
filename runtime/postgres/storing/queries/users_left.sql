-- Find the first and the newest event of users after some of theirs were taken back.
--
-- $1 key  uuid[]
-- Returns one row for each user who has events: (key uuid, first_at timestamptz,
-- newest_at timestamptz, newest_id uuid, events bigint)
SELECT DISTINCT ON (user_key)
    user_key AS key, min(at) OVER (PARTITION BY user_key) AS first_at,
    at AS newest_at, event_key AS newest_id, count(*) OVER (PARTITION BY user_key) AS events
FROM channel_visits
WHERE user_key = ANY($1::uuid[])
ORDER BY user_key, at DESC, event_key DESC
