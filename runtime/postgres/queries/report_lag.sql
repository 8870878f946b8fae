-- Measure in seconds how far the database of reports lags behind its primary; 0 on the primary.
--
-- A replica that has received everything does not lag, however long nothing came. One
-- that is not connected may lag: since the last change it received, or since its start.
-- Returns one number.
SELECT CASE
    WHEN NOT pg_is_in_recovery() THEN 0
    WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
        AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
    ELSE extract(
        epoch FROM clock_timestamp()
            - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())
    )
END
