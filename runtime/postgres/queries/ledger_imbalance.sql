-- Count the events of a source, or those that gateways rejected, that are missed.
--
-- $1 source  text  null for the rejected ones of all
-- Missed are those of settled envelopes that came to nothing, or to too much;
-- and those of envelopes that were told of, are not settled, and lay in the
-- stream before its first message: one leaves it only after it was settled.
-- Reads what is amiss and what was told of, which is little; see prune_announced.
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
