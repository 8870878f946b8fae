-- Delete return visits that were taken back: as many of each as are given.
--
-- $1 at        timestamptz[]
-- $2 user_key  uuid[]
-- Arrays are parallel.
-- Returns one row for each that is gone: (at timestamptz)
SELECT at
FROM take_back_visits($1::timestamptz[], $2::uuid[]) AS gone (at)
