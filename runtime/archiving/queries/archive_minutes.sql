-- Count the events of a day by minute, the oldest first.
--
-- $1 start   timestamptz  in the day
-- $2 end     timestamptz  of the day
-- $3 source  text
-- Returns one row a minute that is not empty: (minute timestamptz, events bigint)
SELECT bucket AS minute, sum(events)::bigint AS events
FROM event_rollups
WHERE granularity = 'minute'
    AND bucket >= $1::timestamptz
    AND bucket < $2::timestamptz
    AND source = $3::text::event_source
GROUP BY bucket
ORDER BY bucket
