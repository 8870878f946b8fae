-- Find an event that is stored.
--
-- $1 id  uuid
-- Returns at most one row:
-- (correlation_id text, accepted_at timestamptz, stored_at timestamptz, payload json)
SELECT correlation_id, accepted_at, stored_at, payload
FROM events
WHERE id = $1::uuid
