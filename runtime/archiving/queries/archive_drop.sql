-- Delete the rows of some minutes of an archived day.
--
-- $1 day     timestamptz  its first instant
-- $2 source  text
-- $3 until   timestamptz  the first instant of a minute, or the day's end
-- $4 start   timestamptz  until when they were deleted before
-- A block of payloads is of one day and source: it goes with its latest event, also if
-- that was taken back.
-- Besides rollups, reports need the sales of campaigns, which are summed by minute; and
-- the first instant of the remaining rows is recorded: all in one statement.
-- The driver sends the first instant of its calendar as an infinity.
-- Returns one row: (events bigint); none if $4 is not the recorded instant.
WITH going AS (
    SELECT day, source, dropped_until
    FROM archived_days
    WHERE day = greatest($1::timestamptz, timestamptz '0001-01-01 00:00:00+00') AND source = $2::text::event_source
        AND dropped_until = greatest($4::timestamptz, timestamptz '0001-01-01 00:00:00+00')
    FOR UPDATE
),
gone AS (
    DELETE FROM events
    USING going
    JOIN event_kinds AS kinds USING (source)
    WHERE events.occurred_at >= $4::timestamptz
        AND events.occurred_at < $3::timestamptz
        AND events.kind = kinds.id
    RETURNING events.occurred_at, kinds.source, kinds.channel,
        events.campaign_id, events.currency, events.revenue, events.block
),
touched AS (
    SELECT block FROM gone
    UNION
    SELECT retracted_events.block
    FROM retracted_events
    JOIN event_kinds AS kinds ON kinds.id = retracted_events.kind
    JOIN going ON going.source = kinds.source
    WHERE retracted_events.occurred_at >= $4::timestamptz
        AND retracted_events.occurred_at < $3::timestamptz
),
blocks AS (
    DELETE FROM payload_blocks
    USING touched
    WHERE payload_blocks.id = touched.block AND payload_blocks.last_at < $3::timestamptz
    RETURNING payload_blocks.id
),
arrived AS (
    DELETE FROM arrivals
    USING blocks
    WHERE arrivals.block = blocks.id
),
kept AS (
    INSERT INTO campaign_minutes (
        minute, source, channel, campaign_id, currency, transactions, revenue
    )
    SELECT
        date_trunc('minute', occurred_at, 'UTC'), source, channel, campaign_id,
        coalesce(currency, 'unspecified'), count(*), sum(revenue)
    FROM gone
    WHERE campaign_id IS NOT NULL AND revenue IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
)
UPDATE archived_days
SET dropped_until = greatest(archived_days.dropped_until, $3::timestamptz), restored_at = NULL
FROM going
WHERE archived_days.day = going.day AND archived_days.source = going.source
RETURNING (SELECT count(*) FROM gone) AS events
