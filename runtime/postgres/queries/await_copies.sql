-- Make a transaction that has written nothing wait at its end for the replicas in
-- synchronous_standby_names.
--
-- Whatever reports another transaction's rows must not do so before the replicas have
-- them: if the other's wait was cancelled, its commit exists on this server only.
-- Returns one row: (pg_logical_emit_message pg_lsn)
SELECT pg_logical_emit_message(true, 'eps', '')
