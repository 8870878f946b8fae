-- Wait for transactions that store retractions, and hold off later ones until this one ends.
--
-- $1 alone  boolean  whether this one stores retractions: then it also waits for all that store
--                    events of the same channels
-- Otherwise an event and its retraction, each stored while the other is not visible yet, would
-- both stay.
-- Returns one row.
SELECT
    CASE
        WHEN $1::boolean THEN pg_advisory_xact_lock(hashtext('retractions'))
        ELSE pg_advisory_xact_lock_shared(hashtext('retractions'))
    END
