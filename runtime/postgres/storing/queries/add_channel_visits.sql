-- Add the events of users that did not come natively.
--
-- $1 user_key   uuid[]
-- $2 at         timestamptz[]
-- $3 event_key  uuid[]
-- Arrays are parallel.
-- Returns one row for each: (event_key uuid)
INSERT INTO channel_visits (user_key, at, event_key)
SELECT user_key, at, event_key
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) AS added (user_key, at, event_key)
ORDER BY user_key, at, event_key
RETURNING event_key
