-- Number kinds of events; those that have a number keep it.
--
-- $1 source        text[]
-- $2 funnel_stage  text[]
-- $3 event_type    text[]
-- $4 channel       text[]
-- $5 mapping       text[]  null if native
-- Arrays are parallel: element i of each describes kind i. In order, so that two
-- collectors never deadlock.
-- Returns one row for each that was new: (id smallint)
INSERT INTO event_kinds (source, funnel_stage, event_type, channel, mapping)
SELECT
    source::event_source, funnel_stage::funnel_stage, event_type, channel::channel,
    mapping::mapping
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
    AS given (source, funnel_stage, event_type, channel, mapping)
ORDER BY source, funnel_stage, event_type COLLATE "C", channel, mapping
ON CONFLICT DO NOTHING
RETURNING id
