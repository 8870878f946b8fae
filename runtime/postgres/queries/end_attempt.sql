-- Take the marks of a message away: the process has outlived it.
--
-- $1 id  uuid  the message's
-- Marks that nobody came back to for a week go with them.
-- Returns one row for each message whose marks went: (id uuid)
DELETE FROM attempts
WHERE id = $1 OR last_at < now() - interval '7 days'
RETURNING id
