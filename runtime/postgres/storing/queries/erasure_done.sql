-- Record what an erasure came to, for all requests to erase the same user.
--
-- $1 user_key  uuid
-- $2 events    bigint  whose payloads are gone
-- $3 letters   bigint  dead letters whose bytes are gone
-- Returns one row for each request: (id uuid)
UPDATE erasures
SET done_at = now(), events = $2::bigint, letters = $3::bigint
WHERE user_key = $1::uuid
RETURNING id
