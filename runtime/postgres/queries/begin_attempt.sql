-- Mark that a message is about to be opened, which may end the process.
--
-- $1 id  uuid  the message's
-- Returns one row: the number of earlier marks (times bigint)
INSERT INTO attempts (id)
VALUES ($1)
ON CONFLICT (id) DO UPDATE
SET times = attempts.times + 1, last_at = now()
RETURNING times - 1 AS times
