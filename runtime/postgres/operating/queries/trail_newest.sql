-- List the newest events by their own time, leaving out times in the future.
--
-- $1 limit  bigint
-- Reads the index by time backwards, up to the limit.
-- Returns the newest first: (source event_source, event_id text, event_type text,
-- occurred_at timestamptz, accepted_at timestamptz, stored_at timestamptz)
SELECT source, event_id, event_type, occurred_at, accepted_at, stored_at
FROM events
WHERE occurred_at <= now()
ORDER BY occurred_at DESC
LIMIT $1::bigint
