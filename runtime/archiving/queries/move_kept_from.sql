-- Take no more events of before a moment; it never goes back.
--
-- $1 kept_from  timestamptz
-- Returns one row: (kept_from timestamptz)
UPDATE retention
SET kept_from = greatest(kept_from, $1::timestamptz)
RETURNING kept_from
