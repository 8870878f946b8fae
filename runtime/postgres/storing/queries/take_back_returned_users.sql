-- Delete users who have no return visit left from the users with one.
--
-- $1 key  uuid[]
-- Returns one row for each that is gone: (key uuid)
SELECT key
FROM take_back_returned_users($1::uuid[]) AS gone (key)
