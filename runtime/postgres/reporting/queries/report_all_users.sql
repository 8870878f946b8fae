-- Tell whether a period has an event of every user there is.
--
-- $1 start  timestamptz  null for no bound
-- $2 end    timestamptz  null for no bound
-- Returns one row: (all_users boolean); false may be too cautious, true is true.
SELECT
    NOT EXISTS (SELECT FROM users WHERE first_at < $1::timestamptz)
    AND NOT EXISTS (SELECT FROM users WHERE first_at >= $2::timestamptz) AS all_users
