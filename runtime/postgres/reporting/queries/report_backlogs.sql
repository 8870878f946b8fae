-- Read the backlog of each consumer, as last measured.
--
-- $1 source  text  null for all
-- Returns a row for each consumer: (consumer text, measured_at timestamptz,
-- messages bigint, oldest_at timestamptz, first_sequence bigint, noted_seconds_ago
-- float8 by the database's own clock)
SELECT
    consumer,
    measured_at,
    messages,
    oldest_at,
    first_sequence,
    greatest(extract(epoch FROM clock_timestamp() - noted_at), 0)::float8
FROM backlogs
WHERE $1::text IS NULL OR source = $1::text::event_source
ORDER BY consumer
