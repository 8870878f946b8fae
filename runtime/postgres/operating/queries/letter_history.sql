-- List the actions taken on a dead letter.
--
-- $1 id  uuid
-- Returns one row an action, oldest first:
-- (at timestamptz, action text, field text, code text, message text, events integer,
-- correlation_id text)
SELECT at, action, field, code, message, events, correlation_id
FROM dead_letter_history
WHERE letter_id = $1::uuid
ORDER BY at
