-- Let the second rollups begin 26 hours ago, at a whole minute.
--
-- So the last day never needs rows, apart from parts of a second.
-- Never moves back, whatever the clock does: rollups before it are gone already.
-- Returns one row if it moved: (complete_from timestamptz)
UPDATE second_horizon
SET complete_from = date_trunc('minute', now() - interval '26 hours')
WHERE complete_from < date_trunc('minute', now() - interval '26 hours')
RETURNING complete_from
