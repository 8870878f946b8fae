-- Check whether a period contains an event of every user.
--
-- $1 start  timestamptz  null for no bound
-- $2 end    timestamptz  null for no bound
-- Returns one row: (all_users boolean); true is certain, false may be wrong.
-- Reads both ends of an index; a search for one such user might read all others first.
SELECT
    coalesce((SELECT min(first_at) FROM users) >= $1::timestamptz, true)
    AND coalesce((SELECT max(first_at) FROM users) < $2::timestamptz, true) AS all_users
