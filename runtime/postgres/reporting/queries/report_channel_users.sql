-- Count the users who have an event of a channel in a period, by source.
--
-- $1 start    timestamptz  null for no bound
-- $2 end      timestamptz  null for no bound
-- $3 source   text         null for both
-- $4 channel  text
-- Reads rows: rollups of users are not kept by channel.
-- Returns one row for each source that has some: (source text, users bigint)
SELECT source::text AS source, count(DISTINCT user_key) AS users
FROM stored_events
WHERE occurred_at >= coalesce($1::timestamptz, '-infinity')
    AND occurred_at < coalesce($2::timestamptz, 'infinity')
    AND ($3::text IS NULL OR source = $3::text::event_source)
    AND channel = $4::text::channel
    AND user_key IS NOT NULL
GROUP BY source
