-- Accept no more events before a time, which never moves back.
--
-- $1 kept_from  timestamptz
-- Returns one row: (kept_from timestamptz)
UPDATE retention
SET kept_from = greatest(kept_from, $1::timestamptz)
RETURNING kept_from
