-- Tell whether a user has a return visit.
--
-- $1 key  uuid
-- Returns one row: (returned boolean)
SELECT EXISTS (SELECT 1 FROM returned_users WHERE key = $1::uuid) AS returned
