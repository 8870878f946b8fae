-- Read from when on events are counted by the second.
--
-- If the horizon moves before this transaction commits, it has added rollups that nobody
-- reads. A report that sees this transaction also sees the horizon read here.
-- Returns one row: (complete_from timestamptz), with null if no second is counted.
SELECT (SELECT complete_from FROM second_horizon) AS complete_from
