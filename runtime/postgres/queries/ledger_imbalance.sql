-- Count the missing events of a source, or of the events that gateways rejected.
--
-- $1 source  text  null for the rejected events of all sources
-- Missing are the events of settled envelopes whose outcomes are too few or too many,
-- and those of announced envelopes that are not settled and whose place in the stream
-- lies before its first message: a message leaves the stream only after it is settled.
-- Reads only imbalances and announced envelopes, which are few; see prune_announced.
-- Returns one number.
SELECT
    coalesce((
        SELECT sum(abs(counted - stored - duplicates - dead))
        FROM ledger
        WHERE rejected = ($1::text IS NULL)
            AND ($1::text IS NULL OR source = $1::text::event_source)
            AND counted <> stored + duplicates + dead
    ), 0)
    + coalesce((
        SELECT sum(announced_envelopes.events)
        FROM announced_envelopes
        JOIN backlogs ON backlogs.source IS NOT DISTINCT FROM $1::text::event_source
        WHERE announced_envelopes.rejected = ($1::text IS NULL)
            AND ($1::text IS NULL OR announced_envelopes.source = $1::text::event_source)
            AND announced_envelopes.sequence < backlogs.first_sequence
            AND (SELECT true FROM envelopes WHERE envelopes.id = announced_envelopes.id) IS NULL
    ), 0)
