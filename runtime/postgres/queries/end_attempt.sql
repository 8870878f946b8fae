-- Remove a message's marks, because the process survived it.
--
-- $1 id  uuid  the message's
-- Marks of other messages, untouched for a week, are removed as well.
-- Returns one row for each message whose marks were removed: (id uuid)
DELETE FROM attempts
WHERE id = $1 OR last_at < now() - interval '7 days'
RETURNING id
