-- Measure the database's size and the rate of events; every role may run it.
--
-- $1 last  boolean  of the last hour in which some were stored; else of the hour until now
-- Returns one row: (size_bytes bigint, events bigint, stored bigint), where events
-- comes from the statistics, and stored counts the hour's.
SELECT
    pg_database_size(current_database()) AS size_bytes,
    coalesce((
        SELECT n_live_tup FROM pg_stat_user_tables WHERE relid = 'events'::regclass
    ), 0) AS events,
    coalesce((
        SELECT sum(stored)
        FROM ledger
        WHERE NOT rejected
            AND minute > CASE
                WHEN $1::boolean THEN (SELECT max(minute) FROM ledger WHERE NOT rejected)
                ELSE now()
            END - interval '1 hour'
    ), 0)::bigint AS stored
