-- Find a request to erase a user by its code.
--
-- $1 confirmation_code  text
-- Returns at most one row: (confirmation_code text, requested_at timestamptz, done_at timestamptz)
SELECT confirmation_code, requested_at, done_at
FROM erasures
WHERE confirmation_code = $1::text
ORDER BY requested_at
LIMIT 1
