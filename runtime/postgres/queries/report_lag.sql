-- Tell how many seconds what is read lags behind its primary; 0 on the primary itself.
--
-- A replica that has all that came does not lag, however long nothing came.
-- Returns one number.
SELECT CASE
    WHEN NOT pg_is_in_recovery() THEN 0
    WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)
END
