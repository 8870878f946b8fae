-- Read the next page of events in the order of their time.
--
-- $1 start    timestamptz  the first time; of the event before, if there is one
-- $2 after    uuid         key of the event before; null for none
-- $3 end      timestamptz  null for no bound
-- $4 source   text         null for both
-- $5 limit    bigint
-- $6 bytes    bigint       of payloads; the event that reaches it is the page's last
-- Only $5 rows are read, and the page is cut among them when it gets too large: at most
-- one event is held above the limit.
-- Returns rows by time, then by key: the columns of events in the order of
-- runtime/archiving/columns.py.
SELECT
    id, user_key, occurred_at, accepted_at, stored_at, published_at, stream_sequence,
    source, funnel_stage, event_type, event_id, correlation_id, trace_parent, deliveries,
    revenue, campaign_id, watch_country, watch_device, watch_seconds, percentage_watched,
    channel, currency, order_id, event_name, mapping, payload
FROM (
    SELECT
        id, user_key, occurred_at, accepted_at, stored_at, published_at, stream_sequence,
        source::text AS source, funnel_stage::text AS funnel_stage,
        event_type, event_id, correlation_id, trace_parent, deliveries,
        revenue, campaign_id, watch_country, watch_device, watch_seconds, percentage_watched,
        channel::text AS channel, currency, order_id, event_name, mapping::text AS mapping,
        payload,
        sum(octet_length(payload::text)) OVER (
            ORDER BY occurred_at, id ROWS UNBOUNDED PRECEDING
        ) - octet_length(payload::text) AS bytes_before
    FROM (
        SELECT *
        FROM events
        WHERE occurred_at >= coalesce($1::timestamptz, '-infinity')
            AND ($2::uuid IS NULL OR (occurred_at, id) > ($1::timestamptz, $2::uuid))
            AND occurred_at < coalesce($3::timestamptz, 'infinity')
            AND ($4::text IS NULL OR source = $4::text::event_source)
        ORDER BY occurred_at, id
        LIMIT $5::bigint
    ) AS next
) AS page
WHERE bytes_before < $6::bigint
ORDER BY occurred_at, id
