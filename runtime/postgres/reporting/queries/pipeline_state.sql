-- Read the pipeline's state, apart from the ledger and the backlogs.
--
-- $1 seconds  float8  how far back dead letters count
-- Reads only faults, which are few, by their indexes.
-- Returns one row: (at timestamptz by the database's clock, first_missed_at
-- timestamptz the earliest minute whose events are not accounted for or null,
-- own_faults bigint dead letters of events that gateways had accepted,
-- summaries bigint of rejected events without room, bytes bigint of the database)
SELECT
    clock_timestamp() AS at,
    (
        SELECT min(minute) FROM ledger WHERE counted <> stored + duplicates + dead
    ) AS first_missed_at,
    count(*) FILTER (WHERE reason IN ('unreadable', 'refused')) AS own_faults,
    count(*) FILTER (WHERE reason = 'summarized') AS summaries,
    pg_database_size(current_database()) AS bytes
FROM dead_letters
WHERE reason <> 'rejected' AND accepted_at >= now() - make_interval(secs => $1::float8)
