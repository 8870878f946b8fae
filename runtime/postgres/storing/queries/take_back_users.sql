-- Delete users who have no events left.
--
-- $1 key  uuid[]
-- Returns one row for each who is gone: (key uuid)
SELECT key
FROM take_back_users($1::uuid[]) AS gone (key)
