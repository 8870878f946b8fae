-- Read the earliest time of an event that is accepted.
--
-- Locks the table until the transaction ends, so that the time can't change meanwhile.
-- Returns one row: (kept_from timestamptz); null if events of any time are accepted.
SELECT kept_from FROM retention
