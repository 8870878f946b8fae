-- Tell how many seconds what is read lags behind its primary; 0 on the primary itself.
--
-- A replica that has all that came does not lag, however long nothing came; one
-- that nothing can come to may: since what it saw last, or since it was started.
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
