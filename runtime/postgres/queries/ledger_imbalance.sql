-- Count the events of a source that are missed.
--
-- $1 source  text  null for none
-- Missed are those of settled envelopes that came to nothing, or to too much;
-- and those of envelopes that were told of, are not settled, and lay in the
-- stream before its first message: one leaves it only after it was settled.
-- Returns one number.
SELECT
    coalesce((
        SELECT sum(abs(accepted - stored - duplicates - dead))
        FROM ledger
        WHERE source = $1::text::event_source
            AND accepted <> stored + duplicates + dead
    ), 0)
    + coalesce((
        SELECT sum(told.events)
        FROM told
        JOIN backlogs ON backlogs.source = told.source
        WHERE told.source = $1::text::event_source
            AND told.sequence < backlogs.first_sequence
            AND NOT EXISTS (SELECT FROM envelopes WHERE envelopes.id = told.id)
    ), 0)
