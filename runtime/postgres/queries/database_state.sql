-- Measure the database's state; every role may run it.
--
-- The columns are named after the metrics.
-- Returns one row.
SELECT
    pg_database_size(here.datid) AS database_size_bytes,
    here.numbackends AS database_connections,
    current_setting('max_connections')::integer AS database_connections_limit,
    here.xact_commit AS database_commits_total,
    here.xact_rollback AS database_rollbacks_total,
    here.blks_hit AS database_blocks_hit_total,
    here.blks_read AS database_blocks_read_total,
    here.temp_bytes AS database_temporary_bytes_total,
    here.deadlocks AS database_deadlocks_total,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        - pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS database_open_transactions_age,
    age(catalog.datfrozenxid) AS database_frozen_age
FROM pg_stat_database AS here
JOIN pg_database AS catalog ON catalog.oid = here.datid
WHERE here.datname = current_database()
