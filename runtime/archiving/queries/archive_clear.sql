-- Prepare the restore of a day's rows, and record that all of them are there.
--
-- $1 day     timestamptz  its first instant
-- $2 source  text
-- $3 end     timestamptz  the first instant after it
-- If the day was only partly let go, its remaining rows are deleted as well. The sums of
-- its campaigns' sales are deleted: they are in the rows again.
-- The driver sends the first instant of its calendar as an infinity.
-- Returns one row: (events bigint, that were there)
WITH rest AS (
    DELETE FROM events
    USING event_kinds AS kinds
    WHERE events.occurred_at >= $1::timestamptz
        AND events.occurred_at < $3::timestamptz
        AND kinds.id = events.kind
        AND kinds.source = $2::text::event_source
    RETURNING events.block
),
blocks AS (
    DELETE FROM payload_blocks
    USING (SELECT DISTINCT block FROM rest) AS emptied
    WHERE payload_blocks.id = emptied.block
    RETURNING payload_blocks.id
),
arrived AS (
    DELETE FROM arrivals
    USING blocks
    WHERE arrivals.block = blocks.id
),
sums AS (
    DELETE FROM campaign_minutes
    WHERE minute >= $1::timestamptz
        AND minute < $3::timestamptz
        AND source = $2::text::event_source
)
UPDATE archived_days
SET dropped_until = day, restored_at = now()
WHERE day = greatest($1::timestamptz, timestamptz '0001-01-01 00:00:00+00') AND source = $2::text::event_source
RETURNING (SELECT count(*) FROM rest) AS events
