-- Wait for another erasure to end: two of them may change the same payload block.
--
-- Returns one row.
SELECT pg_advisory_xact_lock(hashtext('erasures'))
