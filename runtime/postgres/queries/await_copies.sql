-- Make a transaction that has written nothing wait, at its end, for the copies
-- that synchronous_standby_names names.
--
-- Who reports what another transaction stored must not report it before those
-- have it, too: a wait that was cancelled leaves its commit standing here alone.
-- Returns one row: (pg_logical_emit_message pg_lsn)
SELECT pg_logical_emit_message(true, 'eps', '')
