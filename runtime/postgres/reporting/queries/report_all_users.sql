-- Check whether a period contains an event of every user.
--
-- $1 start  timestamptz  null for no bound
-- $2 end    timestamptz  null for no bound
-- Returns one row: (all_users boolean); true is certain, false may be wrong.
SELECT
    NOT EXISTS (SELECT FROM users WHERE first_at < $1::timestamptz)
    AND NOT EXISTS (SELECT FROM users WHERE first_at >= $2::timestamptz) AS all_users
