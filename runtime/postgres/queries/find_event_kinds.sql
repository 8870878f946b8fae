-- Find the numbers of kinds of events.
--
-- $1 source        text[]
-- $2 funnel_stage  text[]
-- $3 event_type    text[]
-- $4 channel       text[]
-- $5 mapping       text[]  null if native
-- Arrays are parallel: element i of each describes kind i.
-- Returns one row for each kind that is known: (place bigint, its element, from 1; id smallint)
SELECT place, id
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
    AS given (source, funnel_stage, event_type, channel, mapping, place)
JOIN event_kinds AS kinds
    ON kinds.source = given.source::event_source
    AND kinds.funnel_stage = given.funnel_stage::funnel_stage
    AND kinds.event_type = given.event_type
    AND kinds.channel = given.channel::channel
    AND kinds.mapping IS NOT DISTINCT FROM given.mapping::mapping
