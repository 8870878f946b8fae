-- Advance the ledger's clock by the time since it was last advanced, a minute at most.
--
-- It stands still while a collector seen in the last thirty days is more than a day
-- behind, or has not been seen for a day, both by the broker's clock: the broker may
-- then hold messages that announce envelopes of that day, which must be remembered as
-- long. So no envelope is forgotten because a clock jumped, or because no collector
-- was running to settle what followed it.
-- If the row was deleted, it is made again with the time of the newest envelope.
-- Returns one row: (at timestamptz), the current time by the database's own clock.
WITH moved AS (
    UPDATE ledger_clock
    SET
        at = CASE
            WHEN EXISTS (
                SELECT
                FROM backlogs
                CROSS JOIN (SELECT max(measured_at) AS at FROM backlogs) AS newest
                WHERE newest.at - least(backlogs.oldest_at, backlogs.measured_at)
                    BETWEEN interval '1 day' AND interval '30 days'
            ) THEN at
            ELSE at + greatest(
                interval '0', least(clock_timestamp() - ticked_at, interval '1 minute')
            )
        END,
        ticked_at = clock_timestamp()
), made AS (
    INSERT INTO ledger_clock (at, ticked_at)
    SELECT coalesce((SELECT max(settled_at) FROM envelopes), now()), clock_timestamp()
    WHERE NOT EXISTS (SELECT FROM ledger_clock)
    ON CONFLICT DO NOTHING
)
SELECT clock_timestamp() AS at
