-- Tell from when on events are taken.
--
-- Holds the table until the transaction ends, so that nobody moves it meanwhile.
-- Returns one row: (kept_from timestamptz); null where events of any time are.
SELECT kept_from FROM retention
