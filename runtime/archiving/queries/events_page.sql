-- Read the next page of events in the order of their time.
--
-- $1 start    timestamptz  the first time; of the event before, if there is one
-- $2 after    uuid         key of the event before; null for none
-- $3 end      timestamptz  null for no bound
-- $4 source   text         null for both
-- $5 limit    bigint
-- Returns rows by time, then by key: where its payload is (block bigint, position smallint),
-- then all columns of StoredRow but the event's id and its payload.
SELECT
    block, position,
    id, user_key, occurred_at, accepted_at, stored_at, published_at, stream_sequence,
    source::text AS source, funnel_stage::text AS funnel_stage, event_type,
    correlation_id, trace_parent, deliveries,
    revenue, campaign_id, watch_country, watch_device, watch_seconds, percentage_watched,
    channel::text AS channel, currency, order_id, event_name, mapping::text AS mapping
FROM stored_events
WHERE occurred_at >= coalesce($1::timestamptz, '-infinity')
    AND ($2::uuid IS NULL OR (occurred_at, id) > ($1::timestamptz, $2::uuid))
    AND occurred_at < coalesce($3::timestamptz, 'infinity')
    AND ($4::text IS NULL OR source = $4::text::event_source)
ORDER BY occurred_at, id
LIMIT $5::bigint
